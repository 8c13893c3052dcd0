// The table: see goals.h.
#include "tools/bench/goals.h"

namespace swiglu::tool {
namespace {

using enum Contender;

struct Goal {
  std::int64_t d_model;
  Comparison comparison;
  double limit;
};

constexpr double kCopyLimit = 1 / 0.9;  // 90 % of a copy's bandwidth
constexpr double kRecomputeLimit = 1.32;

constexpr Goal kGoals[] = {
    {2048, {dx, dx_first}, 1.00},
    {2048, {dx, dx_best}, 1.02},
    {2048, {dw, dw_first}, 1.00},
    {2048, {dw, dw_best}, 1.02},
    {4096, {dx, dx_first}, 1.00},
    {4096, {dx, dx_best}, 1.02},
    {4096, {dw, dw_first}, 1.00},
    {4096, {dw, dw_best}, 1.02},
    {1024, {dgate, copy}, kCopyLimit},
    {2048, {dgate, copy}, kCopyLimit},
    {4096, {dgate, copy}, kCopyLimit},
    {1024, {both_stored, both_first}, 0.92},
    {2048, {both_stored, both_first}, 0.95},
    {4096, {both_stored, both_first}, 0.97},
    {1024, {both_recomputed, both_stored}, kRecomputeLimit},
    {2048, {both_recomputed, both_stored}, kRecomputeLimit},
    {4096, {both_recomputed, both_stored}, kRecomputeLimit},
};

}  // namespace

std::optional<double> goal_of(const BenchPoint& point, const Comparison& comparison) {
  if (point.m != kGoalTokens || point.d_intermediate != 3 * point.d_model) {
    return std::nullopt;
  }
  for (const Goal& goal : kGoals) {
    if (goal.d_model == point.d_model && goal.comparison == comparison) {
      return goal.limit;
    }
  }
  return std::nullopt;
}

}  // namespace swiglu::tool
