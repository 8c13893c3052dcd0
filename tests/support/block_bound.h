// What the comparisons with a float64 reference (error_bound.h, which derives the rule, and backward_bound.h) have in
// common: when one element is wrong, and the sums over a block of 64x64 with what they allow. Pure functions;
// thread-safe.
#pragma once

#include <cstdint>

#include "support/number_format.h"

namespace swiglu_test {

constexpr std::int64_t kBlock = 64;

// Not finite where, and as, the reference is not; else within `allowed` of it. Infinity for a finite value is right
// only where the error allowed may carry it beyond `largest`, the greatest number of the type.
bool is_wrong(double expected, double got, double allowed, double largest);

struct BlockSums {
  double elements = 0;
  double error2 = 0;
  double expected2 = 0;
  double half_unit2 = 0;
  double half_unit4 = 0;
  double rounded2 = 0;  // squared losses of rounding the expected values themselves
  double accumulator2 = 0;

  // `format`: that the result is stored in; `accumulator`: what the accumulators may lose.
  void add(const NumberFormat& format, double expected, double got, double accumulator);
  void add(const BlockSums& other);

  // The squared error of roundings: of random data what they are likely to lose, or the expected values do lose, else
  // the worst case.
  double rounding2(bool random_data) const;
  double accumulators() const;
};

}  // namespace swiglu_test
