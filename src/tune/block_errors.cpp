#include "tune/block_errors.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

namespace swiglu {
namespace {

constexpr double kUnitRoundoffBf16 = 0x1p-8;
constexpr double kUnitRoundoffF16 = 0x1p-11;
constexpr double kUnitRoundoffF32 = 0x1p-24;

// docs/numerics.md: walk(r, n), of n additions that each round.
double walk(double unit_roundoff, double terms) { return 0.424 * unit_roundoff * std::sqrt(terms / 2); }

// Of a product of so many terms.
double sums_error(const Problem& problem, double terms) {
  const double f32 = 2 * walk(kUnitRoundoffF32, terms) + kUnitRoundoffF32 * terms / 16;
  switch (problem.accum) {
    case Accum::f16:
      return 2 * (f32 + walk(kUnitRoundoffF16, terms));
    case Accum::f16_promoted:
      return 2 * (f32 + walk(kUnitRoundoffF16, std::min<double>(terms, kPromotionK)));
    case Accum::f32:
      break;
  }
  return 2 * f32;
}

double unit_roundoff(ElementType type) {
  switch (type) {
    case ElementType::bf16:
      return kUnitRoundoffBf16;
    case ElementType::f16:
      return kUnitRoundoffF16;
    case ElementType::f32:
      break;
  }
  return kUnitRoundoffF32;
}

}  // namespace

double block_error_limit(const Problem& problem, std::int64_t m, ElementType type) {
  const Product of = product(problem);
  const auto terms = static_cast<double>(extent(problem, of.depth, m) * of.segments);
  return 2 * (unit_roundoff(type) + 2 * sums_error(problem, terms));
}

std::string why_different(std::span<const float> sums, std::int64_t rows, std::int64_t columns, double limit) {
  double whole = 0;
  for (std::size_t i = 1; i < sums.size(); i += 2) {
    whole += static_cast<double>(sums[i]);
  }
  const double mean_square = whole / (static_cast<double>(rows) * static_cast<double>(columns));
  const std::int64_t across = (columns + kErrorBlock - 1) / kErrorBlock;
  double worst = 0;
  std::int64_t worst_row = 0;
  std::int64_t worst_column = 0;
  for (std::size_t i = 0; i + 1 < sums.size(); i += 2) {
    const auto block = static_cast<std::int64_t>(i / 2);
    const std::int64_t row = block / across * kErrorBlock;
    const std::int64_t column = block % across * kErrorBlock;
    const auto elements =
        static_cast<double>(std::min(kErrorBlock, rows - row) * std::min(kErrorBlock, columns - column));
    const double expected = std::max(static_cast<double>(sums[i + 1]), mean_square * elements);
    const double error = std::sqrt(static_cast<double>(sums[i]) / expected);
    if (!(error <= worst)) {  // NaN as well
      worst = std::isnan(error) ? HUGE_VAL : error;
      worst_row = row;
      worst_column = column;
    }
  }
  if (worst <= limit) {
    return "";
  }
  return fmt::format("a relative error of {:.3g} in the 64x64 block at row {}, column {}; {:.3g} is the limit", worst,
                     worst_row, worst_column, limit);
}

}  // namespace swiglu
