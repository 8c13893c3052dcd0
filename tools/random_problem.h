// Normal random operands of a SwiGLU layer, in host memory, a function of the seed alone: element i of a matrix does
// not depend on how many threads filled it. x ~ N(0, 1); weights ~ N(0, 1) / sqrt(d_model), so that g and u ~ N(0, 1).
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <vector>

namespace swiglu::tool {

struct RandomProblem {
  std::vector<std::uint16_t> x;       // [m, d_model]
  std::vector<std::uint16_t> w_gate;  // as the plan's layout says; an N(0, 1) matrix looks the same in both
  std::vector<std::uint16_t> w_up;
};

RandomProblem make_random_problem(const swiglu_plan_desc& desc, std::int64_t m, std::uint64_t seed);

// A well-mixed function of its argument.
std::uint64_t mix(std::uint64_t value);

}  // namespace swiglu::tool
