// Block sums -> errors: see block_errors.h.
#include "tools/bench/block_errors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace swiglu::tool {
namespace {

std::int64_t blocks_over(std::int64_t length) { return (length + kBlock - 1) / kBlock; }

double relative(double difference, double expected) {
  if (difference == 0) {
    return 0;
  }
  return std::isnan(difference) || std::isnan(expected) || expected == 0 ? std::numeric_limits<double>::infinity()
                                                                         : std::sqrt(difference / expected);
}

}  // namespace

std::int64_t block_count(std::int64_t rows, std::int64_t columns) { return blocks_over(rows) * blocks_over(columns); }

Errors errors_of(std::span<const BlockSums> sums, std::int64_t rows, std::int64_t columns) {
  Errors errors;
  double difference = 0;
  double expected = 0;
  for (const BlockSums& block : sums) {
    difference += static_cast<double>(block.difference);
    expected += static_cast<double>(block.expected);
  }
  errors.whole = relative(difference, expected);
  const double mean_square = expected / (static_cast<double>(rows) * static_cast<double>(columns));
  const std::int64_t across = blocks_over(columns);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::int64_t row = static_cast<std::int64_t>(i) / across * kBlock;
    const std::int64_t column = static_cast<std::int64_t>(i) % across * kBlock;
    const auto elements = static_cast<double>(std::min(kBlock, rows - row) * std::min(kBlock, columns - column));
    // std::max keeps its first argument where the second is NaN; `difference` is NaN there as well.
    const double share = std::max(mean_square * elements, static_cast<double>(sums[i].expected));
    const double error = relative(static_cast<double>(sums[i].difference), share);
    if (error > errors.worst_block) {
      errors.worst_block = error;
      errors.worst_row = row;
      errors.worst_column = column;
    }
  }
  return errors;
}

Limits unfused_limits(swiglu_dtype dtype, swiglu_accum accum, std::int64_t terms, std::int64_t elements) {
  constexpr double kFactor = 2.25;
  const Limits fused = error_limits(dtype, accum, terms, elements);
  return {kFactor * fused.whole, kFactor * fused.block};
}

Limits gradient_limits(swiglu_dtype dtype, swiglu_accum accum, std::int64_t terms, std::int64_t elements) {
  const Limits one = error_limits(dtype, accum, terms, elements);
  return {std::numbers::sqrt2 * one.whole, 2 * one.block};
}

}  // namespace swiglu::tool
