#include "support/backward_bound.h"

#include <algorithm>
#include <cmath>

#include "support/block_bound.h"
#include "support/number_format.h"
#include "support/text.h"

namespace swiglu_test {
namespace {

struct Sums : BlockSums {
  double variance = 0;  // of the errors that the elements inherit
  double variance2 = 0;

  double bound(bool random_data, double independent) const {
    const double rounding = rounding2(random_data);
    // A few large ones among the elements decide as if there were no others.
    const double share = variance2 > 0 ? variance * variance / variance2 / elements : 1;
    const double inherited = variance * (1 + 8 * std::sqrt(2 / std::max(1.0, independent * share)));
    // The two are independent, so twice their product has mean 0; of few elements it need not be small, at most what
    // Cauchy and Schwarz say.
    const double product = 6 * 2 * std::sqrt(half_unit2 / 3 * variance / elements);
    const double worst = 2 * std::sqrt(rounding * inherited);
    return std::sqrt(rounding + inherited + (random_data ? std::min(product, worst) : worst)) + accumulators();
  }
};

}  // namespace

double silu_derivative(double g) {
  if (std::isinf(g)) {
    return g > 0 ? 1.0 : -0.0;
  }
  const double s = g >= 0 ? 1 / (1 + std::exp(-g)) : std::exp(g) / (1 + std::exp(g));
  const double rest = g >= 0 ? std::exp(-g) / (1 + std::exp(-g)) : 1 / (1 + std::exp(g));
  return s + g * s * rest;
}

std::string compare(const GradientComparison& comparison,
                    const std::function<ExpectedSum(std::size_t, std::int64_t)>& expected) {
  const NumberFormat& format = format_of(comparison.result.matrix->dtype());
  const auto rows = static_cast<std::int64_t>(comparison.rows.size());
  std::string failure;
  for (std::int64_t row = 0; row < rows; row += kBlock) {
    for (std::int64_t column = 0; column < comparison.columns; column += kBlock) {
      const std::int64_t row_end = std::min(row + kBlock, rows);
      const std::int64_t column_end = std::min(column + kBlock, comparison.columns);
      Sums sums;
      for (std::int64_t i = row; i < row_end; ++i) {
        for (std::int64_t j = column; j < column_end; ++j) {
          const std::int64_t at = comparison.rows[static_cast<std::size_t>(i)];
          const ExpectedSum sum = expected(static_cast<std::size_t>(i), j);
          const double got = comparison.result.at(at, j);
          const double unit = half_unit(format, sum.value);
          const double allowed = unit + 6 * std::sqrt(sum.variance) + 4 * sum.accumulators;
          if (is_wrong(sum.value, got, allowed, format.max)) {
            return text("%s[%lld, %lld]: expected %.9g, got %.9g, error %.3e, allowed %.3e; ", comparison.name,
                        static_cast<long long>(at), static_cast<long long>(j), sum.value, got,
                        std::fabs(got - sum.value), allowed);
          }
          if (std::isfinite(sum.value) && std::isfinite(got)) {
            sums.add(format, sum.value, got, sum.accumulators);
            sums.variance += sum.variance;
            sums.variance2 += sum.variance * sum.variance;
          }
        }
      }
      if (sums.elements == 0) {
        continue;
      }
      const auto lines = static_cast<double>(comparison.lines_are_rows ? row_end - row : column_end - column);
      const auto across = static_cast<double>(comparison.lines_are_rows ? column_end - column : row_end - row);
      const double bound =
          sums.bound(comparison.random_data, lines * std::max(1.0, std::min(across, comparison.independent)));
      if (std::sqrt(sums.error2) > bound && failure.empty()) {
        failure = text("%s block [%lld, %lld]: error %.3e of norm %.3e, allowed %.3e; ", comparison.name,
                       static_cast<long long>(comparison.rows[static_cast<std::size_t>(row)]),
                       static_cast<long long>(column), std::sqrt(sums.error2), std::sqrt(sums.expected2), bound);
      }
    }
  }
  return failure;
}

}  // namespace swiglu_test
