// float64 gradients of operands in host memory, from g and u as they were stored: a few rows of dx, a few columns of
// dWg and dWu. Each is a small problem of its own for the library's CPU device in float64.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <vector>

#include "tools/random_problem.h"

namespace swiglu::tool {

// Of some rows or some columns of [m, d_intermediate] matrices; widened from the plan's dtype.
struct GateOperands {
  std::vector<double> dout;
  std::vector<double> g;
  std::vector<double> u;
};

// [rows, d_model], where `of_rows` has whole rows; of the description it takes types, layout and sizes.
std::vector<double> reference_dx(const swiglu_plan_desc& desc, const RandomProblem& weights,
                                 const GateOperands& of_rows);

struct WeightGradients {
  std::vector<double> gate;  // [columns, d_model]: one column of d_intermediate after another, whatever the layout
  std::vector<double> up;
};

// Where `of_columns` is [m, columns] and x is [m, d_model].
WeightGradients reference_dw(const swiglu_plan_desc& desc, const std::vector<std::uint16_t>& x,
                             const GateOperands& of_columns);

}  // namespace swiglu::tool
