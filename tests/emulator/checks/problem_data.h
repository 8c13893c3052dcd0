// The numbers of a test problem, the same whatever the tile, the layout's padding and the order of execution: every
// element is a hash of its tensor and place.
#pragma once

#include <cstdint>

#include "swiglu/config.h"

namespace swiglu::emulator {

enum class Fill {
  normal,  // sums of unit variance
  special  // rows of x with NaN, Inf, denormals, zeros and large values of either sign among normal ones
};

struct ProblemData {
  Problem problem;
  Fill fill;

  // 16-bit patterns. Weights by (k, n), whichever way they lie in memory.
  std::uint16_t x(std::int64_t row, int k) const;
  std::uint16_t gate(int k, int n) const;
  std::uint16_t up(int k, int n) const;
};

double widen(DType dtype, std::uint16_t bits);
std::uint16_t narrow(DType dtype, double value);

}  // namespace swiglu::emulator
