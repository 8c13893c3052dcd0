// Error limits and their measurement: see check.h.
#include "tools/check.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace swiglu::tool {
namespace {

constexpr double kUnitRoundoffBf16 = 0x1p-8;
constexpr double kUnitRoundoffF16 = 0x1p-11;
constexpr double kUnitRoundoffF32 = 0x1p-24;
constexpr double kRootMeanSquare = 0.424;  // of rounding's relative error, in unit roundoffs, over random significands
constexpr double kMargin = 1.25;           // on the root mean square, for finite samples
constexpr double kAmplification = 2.0;     // from the error of g and u to that of silu(g) * u
constexpr std::int64_t kPromotionK = 64;   // products in f16 before F16_PROMOTED adds them to f32

// Relative error of a sum of `terms` random products when every addition rounds: a random walk of rounding errors on a
// random walk of partial sums.
double random_walk(double unit_roundoff, std::int64_t terms) {
  return kRootMeanSquare * unit_roundoff * std::sqrt(static_cast<double>(terms) / 2.0);
}

double accumulation_error(swiglu_accum accum, std::int64_t d_model) {
  // Tensor cores truncate their f32 sums: a drift that grows with the number of terms, above twice the walk.
  const double f32 = 2 * random_walk(kUnitRoundoffF32, d_model) + kUnitRoundoffF32 * static_cast<double>(d_model) / 16;
  switch (accum) {
    case SWIGLU_ACCUM_F64:
      return 0;
    case SWIGLU_ACCUM_F32:
      return f32;
    case SWIGLU_ACCUM_F16:
      return f32 + random_walk(kUnitRoundoffF16, d_model);
    case SWIGLU_ACCUM_F16_PROMOTED:
      return f32 + random_walk(kUnitRoundoffF16, std::min(d_model, kPromotionK));
  }
  return 0;
}

struct Sums {
  double difference = 0;  // of squares
  double expected = 0;
};

double ratio(const Sums& sums, double least) {
  const double denominator = std::max(sums.expected, least);
  if (std::isnan(sums.difference)) {
    return std::numeric_limits<double>::infinity();
  }
  if (denominator == 0) {
    return sums.difference == 0 ? 0 : std::numeric_limits<double>::infinity();
  }
  return std::sqrt(sums.difference / denominator);
}

}  // namespace

Limits error_limits(swiglu_dtype dtype, swiglu_accum accum, std::int64_t d_model, std::int64_t elements) {
  const double store = dtype == SWIGLU_BF16 ? kUnitRoundoffBf16 : kUnitRoundoffF16;
  const double sums = kAmplification * accumulation_error(accum, d_model);
  // No element's rounding exceeds the unit roundoff, hence no block's; sums of few elements scatter more than of many.
  const Limits limits{kMargin * kRootMeanSquare * store + sums, store + 2 * sums};
  return elements >= kBlock * kBlock ? limits : Limits{limits.block, limits.block};
}

Errors measure_errors(std::span<const double> expected, std::span<const double> actual, std::int64_t columns) {
  Errors errors;
  const auto width = static_cast<std::size_t>(columns);
  if (expected.empty()) {
    return errors;
  }
  const std::size_t rows = expected.size() / width;
  constexpr auto kStep = static_cast<std::size_t>(kBlock);
  const auto sums_of = [&](std::size_t row, std::size_t row_end, std::size_t column, std::size_t column_end) {
    Sums sums;
    for (std::size_t i = row; i < row_end; ++i) {
      for (std::size_t j = column; j < column_end; ++j) {
        const double want = expected[i * width + j];
        const double got = actual[i * width + j];
        const bool same = got == want || (std::isnan(got) && std::isnan(want));
        sums.difference += same ? 0 : (got - want) * (got - want);
        sums.expected += std::isfinite(want) ? want * want : 0;
      }
    }
    return sums;
  };
  const Sums whole = sums_of(0, rows, 0, width);
  errors.whole = ratio(whole, 0);
  const double mean_square = whole.expected / static_cast<double>(expected.size());
  for (std::size_t row = 0; row < rows; row += kStep) {
    const std::size_t row_end = std::min(rows, row + kStep);
    for (std::size_t column = 0; column < width; column += kStep) {
      const std::size_t column_end = std::min(width, column + kStep);
      const double share = mean_square * static_cast<double>((row_end - row) * (column_end - column));
      const double block = ratio(sums_of(row, row_end, column, column_end), share);
      if (block > errors.worst_block) {
        errors.worst_block = block;
        errors.worst_row = static_cast<std::int64_t>(row);
        errors.worst_column = static_cast<std::int64_t>(column);
      }
    }
  }
  return errors;
}

}  // namespace swiglu::tool
