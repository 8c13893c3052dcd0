// The tables: see goals.h.
#include "tools/bench/goals.h"

#include <algorithm>
#include <cmath>

namespace swiglu::tool {
namespace {

using enum Contender;

using Where = bool (*)(const BenchPoint&);

// Sizes, in the words of the goals.
bool thrice(const BenchPoint& point) { return point.m == kGoalTokens && point.d_intermediate == 3 * point.d_model; }
bool at_256_or_512(const BenchPoint& point) { return thrice(point) && (point.d_model == 256 || point.d_model == 512); }
bool at_1024(const BenchPoint& point) { return thrice(point) && point.d_model == 1024; }
bool at_2048(const BenchPoint& point) { return thrice(point) && point.d_model == 2048; }
bool at_4096(const BenchPoint& point) { return thrice(point) && point.d_model == 4096; }
bool at_2048_or_4096(const BenchPoint& point) { return at_2048(point) || at_4096(point); }
bool at_1024_to_4096(const BenchPoint& point) { return at_1024(point) || at_2048_or_4096(point); }

constexpr std::int64_t kWide = 14336;  // d_intermediate of the goals, where it is not three times d_model
bool wide(const BenchPoint& point) { return point.m == kGoalTokens && point.d_intermediate == kWide; }
bool at_large_4096(const BenchPoint& point) { return at_4096(point) || (wide(point) && point.d_model == 4096); }
bool at_large(const BenchPoint& point) {
  return at_2048(point) || at_large_4096(point) || (wide(point) && point.d_model == 2048);
}
bool at_any_goal(const BenchPoint& point) { return at_256_or_512(point) || at_1024(point) || at_large(point); }
bool at_few_tokens(const BenchPoint& point) { return point.m >= 64 && point.m <= 256; }

bool in_suite(const BenchPoint& point, const char* suite) {
  const std::vector<BenchPoint> points = suite_points(suite, BenchPass::forward, {});
  return std::find(points.begin(), points.end(), point) != points.end();
}
bool in_seed(const BenchPoint& point) { return in_suite(point, "seed"); }
bool in_llm_at_many_tokens(const BenchPoint& point) { return point.m >= 512 && in_suite(point, "llm"); }

struct Goal {
  Where where;
  int layout;  // swiglu_layout, or 0: both
  Comparison comparison;
  double limit;
};

constexpr double kCopyLimit = 1 / 0.9;  // 90 % of a copy's bandwidth
constexpr double kRecomputeLimit = 1.32;

// The tightest counts where there are several.
constexpr Goal kGoals[] = {
    {at_large, SWIGLU_NK, {swiglu, first}, 0.97},
    {at_large, SWIGLU_NK, {swiglu, best}, 1.00},
    {at_large_4096, SWIGLU_NK, {swiglu, unfused}, 0.90},
    {at_1024, 0, {swiglu, first}, 0.92},
    {at_1024, 0, {swiglu, unfused}, 0.74},
    {at_256_or_512, 0, {swiglu, unfused}, 0.75},
    {at_any_goal, SWIGLU_KN, {swiglu, first}, 1.00},
    {at_any_goal, SWIGLU_KN, {swiglu, best}, 1.01},
    {in_seed, 0, {swiglu, first}, 1.00},
    {in_llm_at_many_tokens, 0, {swiglu, first}, 1.00},
    {at_few_tokens, 0, {swiglu, first}, 1.00},
    {at_few_tokens, 0, {swiglu, unfused}, 0.95},

    {at_2048_or_4096, 0, {dx, dx_first}, 1.00},
    {at_2048_or_4096, 0, {dx, dx_best}, 1.02},
    {at_2048_or_4096, 0, {dw, dw_first}, 1.00},
    {at_2048_or_4096, 0, {dw, dw_best}, 1.02},
    {at_1024_to_4096, 0, {dgate, copy}, kCopyLimit},
    {at_1024, 0, {both_stored, both_first}, 0.92},
    {at_2048, 0, {both_stored, both_first}, 0.95},
    {at_4096, 0, {both_stored, both_first}, 0.97},
    {at_1024_to_4096, 0, {both_recomputed, both_stored}, kRecomputeLimit},
};

struct MeanGoal {
  const char* suite;
  const char* words;
  Where where;
  Comparison comparison;
  double limit;
};

constexpr MeanGoal kMeanGoals[] = {
    {"seed", "geometric mean of seed", in_seed, {swiglu, first}, 0.96},
    {"llm", "geometric mean of llm, m >= 512", in_llm_at_many_tokens, {swiglu, first}, 0.96},
};

bool is_judged(const PointResult& result, const Comparison& comparison) {
  const bool stores_more = comparison.ours == swiglu && (result.kind.passes & SWIGLU_PASS_FORWARD_STORE) != 0;
  return result.kind.dtype == SWIGLU_BF16 && result.kind.accum == SWIGLU_ACCUM_F32 && !stores_more &&
         chosen_otherwise(result).empty();
}

// The points that a mean is over; those that the suite has.
std::vector<PointResult> measured(const MeanGoal& goal, const std::vector<PointResult>& points) {
  std::vector<PointResult> found;
  std::copy_if(points.begin(), points.end(), std::back_inserter(found), [&](const PointResult& result) {
    return goal.where(result.point) && is_judged(result, goal.comparison) &&
           !std::isnan(ratio(result, goal.comparison, Mode::burst));
  });
  return found;
}

std::size_t wanted(const MeanGoal& goal) {
  const std::vector<BenchPoint> points = suite_points(goal.suite, BenchPass::forward, {});
  return static_cast<std::size_t>(std::count_if(points.begin(), points.end(), goal.where));
}

}  // namespace

std::optional<double> goal_of(const PointResult& result, const Comparison& comparison) {
  std::optional<double> tightest;
  for (const Goal& goal : kGoals) {
    if (goal.comparison == comparison && (goal.layout == 0 || goal.layout == result.kind.weight_layout) &&
        goal.where(result.point) && is_judged(result, comparison)) {
      tightest = std::min(tightest.value_or(goal.limit), goal.limit);
    }
  }
  return tightest;
}

std::vector<Verdict> verdicts_of(const PointResult& result, BenchPass pass) {
  std::vector<Verdict> verdicts;
  for (const Comparison& comparison : comparisons_of(pass)) {
    const std::optional<double> limit = goal_of(result, comparison);
    for (const Mode mode : kModes) {
      if (limit && !std::isnan(ratio(result, comparison, mode))) {
        verdicts.push_back({spell(result.point), comparison, mode, ratio(result, comparison, mode), *limit});
      }
    }
  }
  return verdicts;
}

std::vector<Verdict> verdicts_of(const std::string& suite, const std::vector<PointResult>& points, BenchPass pass) {
  std::vector<Verdict> verdicts;
  for (const PointResult& point : points) {
    const std::vector<Verdict> of_point = verdicts_of(point, pass);
    verdicts.insert(verdicts.end(), of_point.begin(), of_point.end());
  }
  for (const MeanGoal& goal : kMeanGoals) {
    const std::vector<PointResult> all = goal.suite == suite ? measured(goal, points) : std::vector<PointResult>();
    for (const Mode mode : kModes) {
      const RatioSummary summary = summarize(all, goal.comparison, mode);
      if (summary.points != 0 && all.size() == wanted(goal)) {
        verdicts.push_back({goal.words, goal.comparison, mode, summary.geometric_mean, goal.limit});
      }
    }
  }
  return verdicts;
}

std::string why_no_mean(const std::string& suite, const std::vector<PointResult>& points) {
  std::string words;
  for (const MeanGoal& goal : kMeanGoals) {
    const std::size_t count = goal.suite == suite ? measured(goal, points).size() : 0;
    if (count != 0 && count != wanted(goal)) {
      words += std::string("no goal for the ") + goal.words + ": " + std::to_string(count) + " of " +
               std::to_string(wanted(goal)) + " points\n";
    }
  }
  return words;
}

}  // namespace swiglu::tool
