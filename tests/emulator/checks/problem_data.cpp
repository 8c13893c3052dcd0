#include "checks/problem_data.h"

#include <cmath>
#include <limits>

#include "base/numeric.h"

namespace swiglu::emulator {
namespace {

enum class Tensor : std::uint64_t { x = 1, gate = 2, up = 3 };

// splitmix64
std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

// Unit variance, bell-shaped: the sum of four uniform numbers.
double random_value(Tensor tensor, std::int64_t row, std::int64_t column) {
  const std::uint64_t bits = mix(mix(mix(static_cast<std::uint64_t>(tensor)) + static_cast<std::uint64_t>(row)) +
                                 static_cast<std::uint64_t>(column));
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    sum += static_cast<double>(bits >> (16 * i) & 0xffffU) / 65536.0 - 0.5;
  }
  return sum * std::sqrt(3.0);
}

// What stands in a row of x under Fill::special, by row number modulo 8; the other rows are normal.
double special_value(DType dtype, std::int64_t row, int k, double normal) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double denormal = dtype == DType::bf16 ? 0x1p-130 : 0x1p-20;
  switch (row % 8) {
    case 1:
      return k == 0 ? std::numeric_limits<double>::quiet_NaN() : normal;
    case 2:
      return k == 0 ? infinity : normal;
    case 3:
      return k == 0 ? -infinity : normal;
    case 4:
      return denormal * normal;
    case 5:
      return 500.0 * normal;  // |g| far beyond where e^g or e^-g leaves f32
    case 6:
      return 0.0;
    default:
      return normal;
  }
}

double weight_scale(const Problem& problem) { return 1.0 / std::sqrt(static_cast<double>(problem.d_model)); }

}  // namespace

double widen(DType dtype, std::uint16_t bits) {
  return static_cast<double>(dtype == DType::bf16 ? bf16_to_float(bits) : f16_to_float(bits));
}

std::uint16_t narrow(DType dtype, double value) {
  return dtype == DType::bf16 ? double_to_bf16(value) : double_to_f16(value);
}

std::uint16_t ProblemData::x(std::int64_t row, int k) const {
  const double normal = random_value(Tensor::x, row, k);
  return narrow(problem.dtype, fill == Fill::normal ? normal : special_value(problem.dtype, row, k, normal));
}

std::uint16_t ProblemData::gate(int k, int n) const {
  return narrow(problem.dtype, random_value(Tensor::gate, k, n) * weight_scale(problem));
}

std::uint16_t ProblemData::up(int k, int n) const {
  return narrow(problem.dtype, random_value(Tensor::up, k, n) * weight_scale(problem));
}

}  // namespace swiglu::emulator
