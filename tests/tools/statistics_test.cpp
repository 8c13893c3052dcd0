// Quantiles, spread, means.
#include "tools/statistics.h"

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

using namespace swiglu::tool;

TEST_CASE("quantiles interpolate between sorted samples") {
  const std::vector<double> values{4, 1, 3, 2};
  CHECK(quantile(values, 0) == 1);
  CHECK(quantile(values, 1) == 4);
  CHECK(median(values) == 2.5);
  CHECK(quantile(values, 0.25) == doctest::Approx(1.75));
  CHECK(median({7}) == 7);
  CHECK(median({9, 1, 5}) == 5);
}

TEST_CASE("spread is the distance between the quartiles over the median") {
  CHECK(spread({10, 10, 10}) == 0);
  CHECK(spread({1, 2, 3, 4, 5}) == doctest::Approx(2.0 / 3));
  CHECK(spread({1, 2, 3, 4, 500}) == doctest::Approx(2.0 / 3));  // an outlier does not move it
}

TEST_CASE("the geometric mean of a ratio and its inverse is 1") {
  CHECK(geometric_mean({0.5, 2}) == doctest::Approx(1));
  CHECK(geometric_mean({1, 2, 4}) == doctest::Approx(2));
}

TEST_CASE("of no samples everything is NaN") {
  CHECK(std::isnan(median({})));
  CHECK(std::isnan(spread({})));
  CHECK(std::isnan(geometric_mean({})));
}
