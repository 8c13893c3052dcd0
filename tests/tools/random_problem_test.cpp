// Random operands: a function of the seed, normal, scaled as promised.
#include "tools/random_problem.h"

#include <cmath>

#include <doctest/doctest.h>

#include "tools/float16.h"

using namespace swiglu::tool;

namespace {

swiglu_plan_desc description(swiglu_layout layout) {
  swiglu_plan_desc desc{};
  desc.struct_size = sizeof desc;
  desc.dtype = SWIGLU_F16;
  desc.weight_layout = layout;
  desc.d_model = 401;
  desc.d_intermediate = 203;
  return desc;
}

}  // namespace

TEST_CASE("the same seed gives the same operands, another seed others") {
  const RandomProblem first = make_random_problem(description(SWIGLU_KN), 7, 1);
  const RandomProblem again = make_random_problem(description(SWIGLU_NK), 7, 1);
  const RandomProblem other = make_random_problem(description(SWIGLU_KN), 7, 2);
  CHECK(first.x == again.x);
  CHECK(first.w_gate == again.w_gate);
  CHECK(first.x != other.x);
  CHECK(first.w_gate != first.w_up);
  CHECK(first.x.size() == 7U * 401U);
  CHECK(first.w_up.size() == 401U * 203U);
}

TEST_CASE("weights have mean 0 and variance 1 / d_model") {
  const RandomProblem problem = make_random_problem(description(SWIGLU_KN), 1, 3);
  double sum = 0;
  double squares = 0;
  double fourth = 0;
  for (const std::uint16_t bits : problem.w_gate) {
    const double value = static_cast<double>(widen(SWIGLU_F16, bits)) * std::sqrt(401.0);
    sum += value;
    squares += value * value;
    fourth += value * value * value * value;
  }
  const auto count = static_cast<double>(problem.w_gate.size());
  // Five standard deviations of each estimate over 81403 draws; the seed is fixed.
  CHECK(std::fabs(sum / count) < 5 / std::sqrt(count));
  CHECK(std::fabs(squares / count - 1) < 5 * std::sqrt(2 / count));
  CHECK(std::fabs(fourth / count - 3) < 5 * std::sqrt(96 / count));
}
