// Quantiles and means: see statistics.h.
#include "tools/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace swiglu::tool {

double quantile(std::vector<double> values, double at) {
  if (values.empty()) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  std::sort(values.begin(), values.end());
  const double place = at * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

double spread(const std::vector<double>& values) {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / median(values);
}

double geometric_mean(const std::vector<double>& values) {
  double logarithms = 0;
  for (const double value : values) {
    logarithms += std::log(value);
  }
  return values.empty() ? std::numeric_limits<double>::quiet_NaN()
                        : std::exp(logarithms / static_cast<double>(values.size()));
}

}  // namespace swiglu::tool
