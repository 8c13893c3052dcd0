// What was measured at a point, and what follows from it: ratios of times and their summary. No GPU, no clock: plain
// data and functions of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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

  const Samples& of(Mode mode) const { return mode == Mode::burst ? burst : sustained; }
  Samples& of(Mode mode) { return mode == Mode::burst ? burst : sustained; }
};

// Who is timed. The order is that of the report.
enum class Contender {
  swiglu,
  first,    // T: the baseline's GEMM alone, by the heuristic's first algorithm
  best,     // Tb: by the fastest of those it lists
  unfused,  // T and then an activation kernel: the same result as swiglu's
};
inline constexpr std::array<Contender, 4> kContenders{Contender::swiglu, Contender::first, Contender::best,
                                                      Contender::unfused};
inline constexpr std::array<Contender, 3> kBaselines{Contender::first, Contender::best, Contender::unfused};
const char* name(Contender contender);   // in JSON: "swiglu", "cublaslt_first", ...
const char* label(Contender contender);  // in a table: "T", "Tb", "T+act"

struct PointResult {
  BenchPoint point;
  double flop = 0;
  std::string error;             // why there is nothing else
  Json kernel = Json::object();  // of the plan's description: the one that ran
  Json checks = Json::object();
  int launches = 0;  // executions in one replay of a burst
  int sustained_launches = 0;
  int operand_sets = 0;
  int algorithms = 0;      // that the baseline's heuristic offered
  int best_algorithm = 0;  // counted from 0
  std::optional<double> watts;
  std::array<ContenderResult, kContenders.size()> contenders;

  ContenderResult& of(Contender contender) { return contenders[static_cast<std::size_t>(contender)]; }
  const ContenderResult& of(Contender contender) const { return contenders[static_cast<std::size_t>(contender)]; }
};

// Median milliseconds of one execution, NaN where there are no samples. The fastest algorithm was picked in a short
// trial: where the first one turned out faster in the measurement, it is the fastest.
double milliseconds(const PointResult& point, Contender contender, Mode mode);

double tera_flops(const PointResult& point, Contender contender, Mode mode);

// swiglu's time over the baseline's: below 1, swiglu is faster. NaN where either is missing.
double ratio(const PointResult& point, Contender baseline, Mode mode);

struct RatioSummary {
  double geometric_mean = 0;  // NaN of no points
  int points = 0;
  int at_most_one = 0;
  double worst = 0;
  std::string worst_point;
};

// Over the points that have this ratio.
RatioSummary summarize(const std::vector<PointResult>& points, Contender baseline, Mode mode);

int count_failed(const std::vector<PointResult>& points);

}  // namespace swiglu::tool
