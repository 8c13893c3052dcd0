// Widening and narrowing of bf16 and f16 against methods that share nothing with the implementation: the compiler's
// _Float16, and for bf16 and denormals a search among the exact values of neighbouring patterns.
#include "base/numeric.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace {

using swiglu::bf16_to_float;
using swiglu::double_to_bf16;
using swiglu::double_to_f16;
using swiglu::f16_to_float;
using swiglu::float_to_bf16;
using swiglu::float_to_f16;

constexpr int kPatterns = 65536;

struct Format {
  int exponent_bits;
  int fraction_bits;
  float (*widen)(std::uint16_t);
  std::uint16_t (*from_float)(float);
  std::uint16_t (*from_double)(double);

  std::uint16_t infinity() const { return static_cast<std::uint16_t>(((1 << exponent_bits) - 1) << fraction_bits); }
  // The value of a finite pattern by the definition of the format, in f64 (exact).
  double value(std::uint16_t bits) const {
    const int exponent = (bits >> fraction_bits) & ((1 << exponent_bits) - 1);
    const int fraction = bits & ((1 << fraction_bits) - 1);
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const double magnitude = exponent == 0
                                 ? std::ldexp(fraction, 1 - bias - fraction_bits)
                                 : std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
    return (bits & 0x8000) != 0 ? -magnitude : magnitude;
  }
  // Where the next value after the largest finite one would be: the border of overflow is half way to it.
  double beyond_largest() const { return std::ldexp(1.0, 1 << (exponent_bits - 1)); }
};

const Format kBf16{8, 7, bf16_to_float, float_to_bf16, double_to_bf16};
const Format kF16{5, 10, f16_to_float, float_to_f16, double_to_f16};

bool is_nan_pattern(const Format& format, int bits) { return (bits & 0x7fff) > format.infinity(); }

TEST_CASE("every pattern widens to its exact value") {
  for (const Format& format : {kBf16, kF16}) {
    int wrong = 0;
    for (int i = 0; i < kPatterns; ++i) {
      const auto bits = static_cast<std::uint16_t>(i);
      const float wide = format.widen(bits);
      const bool sign = (bits & 0x8000) != 0;
      if (is_nan_pattern(format, i)) {
        const bool quiet = (std::bit_cast<std::uint32_t>(wide) & 0x00400000U) != 0;
        wrong += std::isnan(wide) && std::signbit(wide) == sign && quiet ? 0 : 1;
      } else if ((bits & 0x7fff) == format.infinity()) {
        wrong += std::isinf(wide) && std::signbit(wide) == sign ? 0 : 1;
      } else {
        wrong += static_cast<double>(wide) == format.value(bits) && std::signbit(wide) == sign ? 0 : 1;
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("every pattern survives widening and narrowing, from f32 and f64") {
  for (const Format& format : {kBf16, kF16}) {
    int wrong = 0;
    for (int i = 0; i < kPatterns; ++i) {
      const auto bits = static_cast<std::uint16_t>(i);
      const std::uint16_t quiet_bit = static_cast<std::uint16_t>(1 << (format.fraction_bits - 1));
      const auto expected = is_nan_pattern(format, i) ? static_cast<std::uint16_t>(bits | quiet_bit) : bits;
      wrong += format.from_float(format.widen(bits)) == expected ? 0 : 1;
      wrong += format.from_double(static_cast<double>(format.widen(bits))) == expected ? 0 : 1;
    }
    CHECK(wrong == 0);
  }
}

// Between each pair of neighbours: just below the middle, the middle (ties to even), just above it. All of these are
// exact in f64; in f32 too, but for "just above" between bf16 denormals.
TEST_CASE("every rounding border is respected, from f64 without double rounding") {
  for (const Format& format : {kBf16, kF16}) {
    int wrong = 0;
    for (int i = 0; i < format.infinity(); ++i) {
      const auto low = static_cast<std::uint16_t>(i);
      const auto high = static_cast<std::uint16_t>(i + 1);  // infinity above the largest finite value
      const double high_value = high == format.infinity() ? format.beyond_largest() : format.value(high);
      const double middle = (format.value(low) + high_value) / 2;
      const double infinity = std::numeric_limits<double>::infinity();
      const std::uint16_t even = (low & 1) == 0 ? low : high;
      wrong += format.from_double(std::nextafter(middle, -infinity)) == low ? 0 : 1;
      wrong += format.from_double(middle) == even ? 0 : 1;
      wrong += format.from_double(std::nextafter(middle, infinity)) == high ? 0 : 1;
      wrong += format.from_double(-middle) == (even | 0x8000) ? 0 : 1;
      const auto middle_f32 = static_cast<float>(middle);
      if (static_cast<double>(middle_f32) == middle) {
        const auto infinity_f32 = std::numeric_limits<float>::infinity();
        wrong += format.from_float(middle_f32) == even ? 0 : 1;
        wrong += format.from_float(-middle_f32) == (even | 0x8000) ? 0 : 1;
        wrong += format.from_float(std::nextafter(middle_f32, infinity_f32)) == high ? 0 : 1;
        wrong += format.from_float(std::nextafter(middle_f32, -infinity_f32)) == low ? 0 : 1;
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("special values") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(float_to_f16(65504.0F) == 0x7bff);
  CHECK(float_to_f16(65519.996F) == 0x7bff);
  CHECK(float_to_f16(65520.0F) == 0x7c00);
  CHECK(float_to_bf16(std::numeric_limits<float>::max()) == 0x7f80);
  CHECK(float_to_bf16(-0.0F) == 0x8000);
  CHECK(double_to_f16(-0.0) == 0x8000);
  CHECK(double_to_bf16(1e300) == 0x7f80);
  CHECK(double_to_bf16(-1e300) == 0xff80);
  CHECK(double_to_f16(std::numeric_limits<double>::denorm_min()) == 0);
  CHECK(double_to_bf16(-std::numeric_limits<double>::denorm_min()) == 0x8000);
  CHECK(float_to_bf16(std::numeric_limits<float>::denorm_min()) == 0);
  CHECK(double_to_bf16(0x1p-133) == 1);
  CHECK(double_to_f16(0x1p-24) == 1);
  CHECK(double_to_f16(0x1p-25) == 0);  // a tie with zero, which is even
  CHECK(double_to_f16(0x1.0000000000001p-25) == 1);
  CHECK(is_nan_pattern(kF16, double_to_f16(nan)));
  CHECK(is_nan_pattern(kBf16, double_to_bf16(nan)));
  // A NaN whose payload lies only in bits that are dropped must not turn into infinity.
  const auto low_payload = std::bit_cast<double>(std::uint64_t{0x7ff0000000000001});
  CHECK(is_nan_pattern(kF16, double_to_f16(low_payload)));
  CHECK(is_nan_pattern(kBf16, double_to_bf16(low_payload)));
  const auto low_payload_f32 = std::bit_cast<float>(std::uint32_t{0x7f800001});
  CHECK(is_nan_pattern(kF16, float_to_f16(low_payload_f32)));
  CHECK(is_nan_pattern(kBf16, float_to_bf16(low_payload_f32)));
}

TEST_CASE("narrowing twice would differ: f64 -> f32 -> 16 bits is not what is done") {
  // Just above a tie by less than f32 can hold: f32 rounds it to the tie, and the tie then goes down to even.
  const double above_tie_f16 = 1.0 + 0x1p-11 + 0x1p-40;
  CHECK(double_to_f16(above_tie_f16) == 0x3c01);
  CHECK(float_to_f16(static_cast<float>(above_tie_f16)) == 0x3c00);
  const double above_tie_bf16 = 1.0 + 0x1p-8 + 0x1p-40;
  CHECK(double_to_bf16(above_tie_bf16) == 0x3f81);
  CHECK(float_to_bf16(static_cast<float>(above_tie_bf16)) == 0x3f80);
}

#if defined(__FLT16_MAX__)
__extension__ using Half = _Float16;

TEST_CASE("f16 agrees with the compiler's _Float16, on random bits and over the whole range of exponents") {
  std::mt19937_64 random(20240607);
  int wrong = 0;
  for (int i = 0; i < 2'000'000; ++i) {
    const std::uint64_t bits = random();
    // Exponents from far below the smallest denormal of f16 to above overflow, any fraction.
    const std::uint64_t exponent = 1023 - 30 + (bits >> 52) % 50;
    const std::uint64_t fraction_and_sign = bits & 0x800fffffffffffffU;
    const auto value = std::bit_cast<double>(fraction_and_sign | (exponent << 52));
    const auto narrow = static_cast<float>(value);
    wrong += double_to_f16(value) == std::bit_cast<std::uint16_t>(static_cast<Half>(value)) ? 0 : 1;
    wrong += float_to_f16(narrow) == std::bit_cast<std::uint16_t>(static_cast<Half>(narrow)) ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("all f16 patterns widen as the compiler's _Float16 does") {
  int wrong = 0;
  for (int i = 0; i < kPatterns; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const auto expected = static_cast<float>(std::bit_cast<Half>(bits));
    const float found = f16_to_float(bits);
    wrong += std::bit_cast<std::uint32_t>(found) == std::bit_cast<std::uint32_t>(expected) ? 0 : 1;
  }
  CHECK(wrong == 0);
}
#endif

}  // namespace
