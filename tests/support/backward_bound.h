// How much a gradient may differ from the float64 reference, and the comparison. Pure functions; thread-safe.
//
// Beside what support/error_bound.h derives for the forward pass (a rounding at the store, and what the accumulators
// lose), a gradient carries the errors of the dg and du that it is a sum of. Those are independent from element to
// element: one rounding to 16 bits each (uniform in [-h, h], with h half a unit in the last place; none on the CPU
// device), and the activation's error, e = (2^-20 s + 2^-126) (1 + |g|) |dout u| for dg, and likewise for du (a sigmoid
// that is denormal in f32 may become zero). Where g and u were recomputed, their own errors dg', du'
// (accumulator_loss() times |x row| |w column| / sqrt(d_model)) come in through the derivatives, which are at most 1.1
// of silu and 0.5 of silu': |dout| (0.5 |u| dg' + 1.1 du') for dg and 1.1 |dout| dg' for du.
//
// So a sum with factors w has a variance of sum(w^2 h^2 / 3 + w^2 (e + ...)^2), which the reference computes beside the
// sum. Allowed of an element: half a unit of its own, 6 deviations, and 4 times what the accumulators lose; of a block
// of 64x64 the mean of the squares and 8 deviations of it, and 6 deviations of twice the product of rounding and
// inherited error, where the errors of one row (dx) or one column (dW) are as many independent ones as they have terms
// at most.
//
// The accumulators' loss is error_bound.h's, for sums of 2 d_intermediate products (dx), or of the tokens (dW) up to
// 32768: longer sums are sums of such.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/guarded_matrix.h"

namespace swiglu_test {

// dg and du of every token, [m, d_intermediate], and the variances of their errors.
struct Gradients {
  std::vector<double> dg;
  std::vector<double> du;
  std::vector<double> dg_variance;
  std::vector<double> du_variance;
};

// silu'(g), with its limits at both infinities.
double silu_derivative(double g);

// A sum as it should be.
struct ExpectedSum {
  double value;
  double variance;      // of the errors it inherits
  double accumulators;  // what they may lose
};

struct GradientComparison {
  const char* name;
  MatrixView result;
  std::vector<std::int64_t> rows;  // of the result, that are compared
  std::int64_t columns;
  bool random_data;
  double independent;  // of the inherited errors in a line of a block, at most
  bool lines_are_rows;
};

// expected(i, column) is the one of row rows[i]. Empty, or what is wrong.
std::string compare(const GradientComparison& comparison,
                    const std::function<ExpectedSum(std::size_t, std::int64_t)>& expected);

}  // namespace swiglu_test
