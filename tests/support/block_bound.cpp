#include "support/block_bound.h"

#include <algorithm>
#include <cmath>

namespace swiglu_test {

bool is_wrong(double expected, double got, double allowed, double largest) {
  if (std::isnan(expected) || std::isinf(expected)) {
    return std::isnan(expected) ? !std::isnan(got) : got != expected;
  }
  if (std::isinf(got)) {
    return std::signbit(got) != std::signbit(expected) || std::fabs(expected) + allowed < largest;
  }
  return !(std::fabs(got - expected) <= allowed);
}

void BlockSums::add(const NumberFormat& format, double expected, double got, double accumulator) {
  const double error = got - expected;
  const double unit = half_unit(format, expected);
  const double unit2 = unit * unit;
  const double rounded = round_to(format, expected) - expected;
  elements += 1;
  error2 += error * error;
  expected2 += expected * expected;
  half_unit2 += unit2;
  half_unit4 += unit2 * unit2;
  rounded2 += std::isfinite(rounded) ? rounded * rounded : unit2;
  accumulator2 += accumulator * accumulator;
}

void BlockSums::add(const BlockSums& other) {
  elements += other.elements;
  error2 += other.error2;
  expected2 += other.expected2;
  half_unit2 += other.half_unit2;
  half_unit4 += other.half_unit4;
  rounded2 += other.rounded2;
  accumulator2 += other.accumulator2;
}

double BlockSums::rounding2(bool random_data) const {
  const double likely = half_unit2 / 3 + 6 * std::sqrt(half_unit4 * 4 / 45);
  return random_data ? std::min(std::max(likely, rounded2), half_unit2) : half_unit2;
}

double BlockSums::accumulators() const { return (1 + 3 / std::sqrt(elements)) * std::sqrt(accumulator2); }

}  // namespace swiglu_test
