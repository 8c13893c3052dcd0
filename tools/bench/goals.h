// What must be reached, as data: the most that ours may take of a baseline's time, at a point or on the average over a
// suite. It is judged in bf16 with f32 sums, bursts and sustained, and of kernels that were chosen on paper alone; what
// it binds is Hopper: a bench on other cards shows the same figures, which bind no one there. Not here is what compares
// two benches: other types, storing g and u.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/bench/contenders.h"
#include "tools/bench/results.h"

namespace swiglu::tool {

// The limit of a ratio at a point; nothing where there is none.
std::optional<double> goal_of(const PointResult& result, const Comparison& comparison);

struct Verdict {
  std::string where;  // the point, or the suite
  Comparison comparison;
  Mode mode;
  double ratio;
  double limit;

  bool met() const { return ratio <= limit; }
};

// Of the ratios of a pass that have a goal and were measured.
std::vector<Verdict> verdicts_of(const PointResult& result, BenchPass pass);

// Of all points, then of the means over the suite.
std::vector<Verdict> verdicts_of(const std::string& suite, const std::vector<PointResult>& points, BenchPass pass);

// Why a suite's goal for its mean is not among them, in words; "" if it is, or if the suite has none.
std::string why_no_mean(const std::string& suite, const std::vector<PointResult>& points);

}  // namespace swiglu::tool
