// Error limits and their measurement: correct rounding passes, a small wrong stripe does not.
#include "tools/check.h"

#include <cmath>
#include <initializer_list>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "tools/float16.h"
#include "tools/random_problem.h"

using namespace swiglu::tool;

namespace {

constexpr std::int64_t kColumns = 300;
constexpr std::size_t kRows = 130;

std::vector<double> random_matrix() {
  std::vector<double> values(kRows * kColumns);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<double>(mix(i) >> 11) * 0x1p-53 - 0.5;
  }
  return values;
}

std::vector<double> rounded(const std::vector<double>& values, swiglu_dtype dtype) {
  std::vector<double> result;
  for (const double value : values) {
    result.push_back(static_cast<double>(widen(dtype, narrow(dtype, static_cast<float>(value)))));
  }
  return result;
}

Limits limits(swiglu_dtype dtype) { return error_limits(dtype, SWIGLU_ACCUM_F32, 1024, kRows * kColumns); }

}  // namespace

TEST_CASE("one correct rounding is within the limits, and close to them") {
  const std::vector<double> expected = random_matrix();
  for (const swiglu_dtype dtype : {SWIGLU_BF16, SWIGLU_F16}) {
    const Errors errors = measure_errors(expected, rounded(expected, dtype), kColumns);
    CHECK(within(errors, limits(dtype)));
    CHECK(errors.whole > limits(dtype).whole / 2);  // the limit is not so wide that it says nothing
  }
}

TEST_CASE("truncation instead of rounding is refused") {
  const std::vector<double> expected = random_matrix();
  std::vector<double> actual;
  for (const double value : expected) {
    const auto bits = narrow(SWIGLU_BF16, static_cast<float>(value));
    const double nearest = static_cast<double>(widen(SWIGLU_BF16, bits));
    const bool away = std::fabs(nearest) > std::fabs(value);
    actual.push_back(away ? static_cast<double>(widen(SWIGLU_BF16, static_cast<std::uint16_t>(bits - 1))) : nearest);
  }
  CHECK_FALSE(within(measure_errors(expected, actual, kColumns), limits(SWIGLU_BF16)));
}

TEST_CASE("a wrong stripe is named by its block, though the whole is hardly wrong") {
  const std::vector<double> expected = random_matrix();
  std::vector<double> actual = rounded(expected, SWIGLU_BF16);
  for (std::size_t column = 200; column < 204; ++column) {
    actual[70 * kColumns + column] *= 1.5;
  }
  const Errors errors = measure_errors(expected, actual, kColumns);
  CHECK_FALSE(within(errors, limits(SWIGLU_BF16)));
  CHECK(errors.worst_row == 64);
  CHECK(errors.worst_column == 192);
}

TEST_CASE("NaN and Inf count as infinitely wrong unless expected") {
  std::vector<double> expected = random_matrix();
  std::vector<double> actual = expected;
  actual[5] = std::nan("");
  CHECK(std::isinf(measure_errors(expected, actual, kColumns).whole));
  expected[5] = std::nan("");
  CHECK(measure_errors(expected, actual, kColumns).whole == 0);
  actual[7] = std::numeric_limits<double>::infinity();
  CHECK(std::isinf(measure_errors(expected, actual, kColumns).worst_block));
  expected[7] = -actual[7];
  CHECK(std::isinf(measure_errors(expected, actual, kColumns).whole));
}

TEST_CASE("nothing but zeros: equal is right, anything else is wrong") {
  const std::vector<double> zeros(kColumns);
  std::vector<double> actual = zeros;
  CHECK(measure_errors(zeros, actual, kColumns).whole == 0);
  actual[1] = 1e-30;
  CHECK(std::isinf(measure_errors(zeros, actual, kColumns).whole));
}

TEST_CASE("limits grow with what the accumulator loses") {
  const auto whole = [](swiglu_accum accum, std::int64_t d_model) {
    return error_limits(SWIGLU_F16, accum, d_model, 1 << 20).whole;
  };
  CHECK(whole(SWIGLU_ACCUM_F64, 4096) < whole(SWIGLU_ACCUM_F32, 4096));
  CHECK(whole(SWIGLU_ACCUM_F32, 4096) < 3.2e-4);  // 1.25 times f16's 2.07e-4, and little for the sums
  CHECK(whole(SWIGLU_ACCUM_F32, 4096) < whole(SWIGLU_ACCUM_F16_PROMOTED, 4096));
  CHECK(whole(SWIGLU_ACCUM_F16_PROMOTED, 4096) < whole(SWIGLU_ACCUM_F16, 4096));
  CHECK(whole(SWIGLU_ACCUM_F16_PROMOTED, 8192) < 1.02 * whole(SWIGLU_ACCUM_F16_PROMOTED, 4096));  // its f32 part grows
  CHECK(whole(SWIGLU_ACCUM_F16, 8192) > 1.3 * whole(SWIGLU_ACCUM_F16, 4096));
}
