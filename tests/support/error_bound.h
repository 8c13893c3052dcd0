// How much an output may differ from the float64 reference, and the comparison. The one place where tolerances of
// numeric tests are decided. Pure functions; thread-safe.
//
// The library promises: products summed in the accumulator type, activation in f32, ONE rounding at each store. So the
// error of an element is (1) that rounding and (2) what the accumulators lost, carried through the activation.
//
// (1) Rounding. One correct rounding loses at most h, half a unit in the last place of the exact value. Over a block of
//     random data the loss is uniform in [-h, h], so the sum of its squares has mean sum(h^2) / 3 and variance
//     sum(h^4) 4/45. Allowed: mean + 6 deviations, and never more than sum(h^2). A second rounding anywhere doubles
//     the sum, and is seen in blocks of a few hundred elements. Where exact values are no such noise against the grid
//     (a small product added to a value that lies on it is lost whole, whatever its size), what rounding them loses is
//     known, d <= h: a result whose sum was off by e is off by at most d + 2 |e|, since the distance to the nearest
//     number changes no faster than the value. So sum(d^2) takes the place of the likely loss where it is larger.
// (2) Accumulators. Let s = |x row| |w column| / sqrt(d_model), the size of a sum of d_model random products. In
//     sequence, n additions rounded to unit roundoff r lose about 0.41 r sqrt(n) s: a random walk of roundings of
//     partial sums that themselves grow as sqrt. Tensor cores add 16 products at a time; into f32 they truncate, which
//     is a bias of about 0.03 r n s.
//       f32            2^-24 (8 + d_model / 8)           four times either effect
//       f16            2^-11 (2 + sqrt(d_model))         rounded at each addition; more than twice the walk
//       f16_promoted   2^-11 (2 + sqrt(min(d_model, 64))) + the f32 term: chunks of 64 are independent, so their error
//                                                        relative to s does not grow with d_model
//     times s, for g and for u. (In a simulation of these orders of addition, d_model 64 .. 4096, the root mean square
//     is at most 0.26 of it, a single element of 200 at most 1.4.) In out: |u| 1.1 dg + |silu(g)| du + dg du, because
//     |silu'| <= 1.1. To that, what the f32 activation loses: 2^-20 (1 + |g|) |out| (fast exponential and reciprocal),
//     and |g u| 2^-126 (a sigmoid that is denormal in f32 may become zero). For few elements a sum of squares scatters:
//     times 1 + 3 / sqrt(elements), hence 4 for a single one.
//
// The rule err <= rounding + accumulators is applied to every element, to every 64x64 block and to the whole; and the
// whole must not be worse than an unfused 16-bit computation of the same inputs (g, u, silu(g) and the product each
// rounded to 16 bits), where 4096 elements or more make that comparison meaningful.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <string>

#include "support/guarded_matrix.h"
#include "support/reference.h"

namespace swiglu_test {

enum class Output { out, g, u };
const char* name_of(Output output);

// What the accumulator loses, as a multiple of s above.
double accumulator_loss(swiglu_accum accum, std::int64_t d_model);

struct Comparison {
  std::string failure;     // empty: within the bounds; else where, expected, got, norms
  double error = 0;        // relative Frobenius norm over the finite elements
  double worst_block = 0;  // the largest error / bound of a 64x64 block
  double unfused = 0;      // the error of the unfused computation (Output::out)
};

struct CompareOptions {
  bool exact = false;       // bit for bit: the rounded reference
  bool random_data = true;  // else only the worst case of (1) is assumed
};

// `result` holds all rows of the output; those that the reference covers are compared.
Comparison compare(const MatrixView& result, Output output, swiglu_accum accum, const Reference& reference,
                   const CompareOptions& options);

}  // namespace swiglu_test
