// What was measured at a point, and what follows from it: ratios of times and their summary. No GPU, no clock: plain
// data and functions of it.
#pragma once

#include <swiglu/swiglu.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/bench/contenders.h"
#include "tools/bench/suites.h"
#include "tools/library.h"

namespace swiglu::tool {

enum class Mode { burst, sustained };
inline constexpr std::array<Mode, 2> kModes{Mode::burst, Mode::sustained};
const char* name(Mode mode);

// A sample is one execution's time, and the clock of the multiprocessors meanwhile.
struct Sample {
  double milliseconds;
  double megahertz;
};

struct Samples {
  std::vector<double> milliseconds;  // in the order taken: sample i of every contender is of round i
  std::vector<double> megahertz;

  void add(const Sample& sample);
};

struct ContenderResult {
  Samples burst;
  Samples sustained;  // empty where it was not asked for
  int launches = 0;   // executions in one replay of a burst
  int sustained_launches = 0;
  int algorithms = 0;      // of Tb: how many the heuristic offered
  int best_algorithm = 0;  // and which it runs, counted from 0

  const Samples& of(Mode mode) const { return mode == Mode::burst ? burst : sustained; }
  Samples& of(Mode mode) { return mode == Mode::burst ? burst : sustained; }
};

struct PointResult {
  BenchPoint point;
  swiglu_plan_desc kind{};        // types, layout and passes of the plan
  std::string error;              // why there is nothing else
  Json kernels = Json::object();  // of the plan's description: those that ran, by their pass
  Json checks = Json::object();
  int operand_sets = 0;
  std::optional<double> watts;
  std::array<ContenderResult, kContenderCount> contenders;

  ContenderResult& of(Contender contender) { return contenders[static_cast<std::size_t>(contender)]; }
  const ContenderResult& of(Contender contender) const { return contenders[static_cast<std::size_t>(contender)]; }
};

// Where not the estimate chose every kernel: who did, "dx user record, dw user record"; else "".
std::string chosen_otherwise(const PointResult& point);

// Median milliseconds of one execution, NaN where there are no samples; of Tb never more than T's.
double milliseconds(const PointResult& point, Contender contender, Mode mode);

// Operations and bytes of one execution, 0 where it is not measured by them.
double flop(const BenchPoint& point, Contender contender);
double bytes(const BenchPoint& point, Contender contender);

// NaN where there is nothing to divide.
double tera_flops(const PointResult& point, Contender contender, Mode mode);
double gigabytes_per_second(const PointResult& point, Contender contender, Mode mode);

// Our time over the baseline's: below 1, we are faster. NaN where either is missing.
double ratio(const PointResult& point, const Comparison& comparison, Mode mode);

struct RatioSummary {
  double geometric_mean = 0;  // NaN of no points
  int points = 0;
  int at_most_one = 0;
  double worst = 0;
  std::string worst_point;
};

// Over the points that have this ratio.
RatioSummary summarize(const std::vector<PointResult>& points, const Comparison& comparison, Mode mode);

int count_failed(const std::vector<PointResult>& points);

}  // namespace swiglu::tool
