// The program's 16-bit conversions, over every bit pattern, and their ties and ends.
#include "tools/float16.h"

#include <cmath>
#include <initializer_list>
#include <limits>

#include <doctest/doctest.h>

using swiglu::tool::narrow;
using swiglu::tool::widen;

namespace {
constexpr float kInfinity = std::numeric_limits<float>::infinity();
}

TEST_CASE("every 16-bit pattern survives widening and narrowing") {
  for (const swiglu_dtype dtype : {SWIGLU_BF16, SWIGLU_F16}) {
    for (unsigned bits = 0; bits < 0x10000; ++bits) {
      const auto pattern = static_cast<std::uint16_t>(bits);
      const float value = widen(dtype, pattern);
      if (std::isnan(value)) {
        CHECK(std::isnan(widen(dtype, narrow(dtype, value))));
      } else if (narrow(dtype, value) != pattern) {
        FAIL_CHECK("dtype " << dtype << " bits " << bits);
      }
    }
  }
}

TEST_CASE("halfway values round to even, just beyond them up") {
  for (const swiglu_dtype dtype : {SWIGLU_BF16, SWIGLU_F16}) {
    const unsigned largest_finite = dtype == SWIGLU_BF16 ? 0x7f7f : 0x7bff;
    for (unsigned bits = 0; bits < largest_finite; ++bits) {
      const float low = widen(dtype, static_cast<std::uint16_t>(bits));
      const float high = widen(dtype, static_cast<std::uint16_t>(bits + 1));
      const float half = low + (high - low) / 2;  // exact: f32 has bits to spare, except at the bottom of bf16
      if (half == low || half == high) {
        continue;
      }
      const unsigned even = bits + (bits & 1U);
      REQUIRE(narrow(dtype, half) == even);
      REQUIRE(narrow(dtype, std::nextafter(half, kInfinity)) == bits + 1);
      REQUIRE(narrow(dtype, -std::nextafter(half, 0.0F)) == (bits | 0x8000U));
    }
  }
}

TEST_CASE("overflow gives Inf") {
  CHECK(widen(SWIGLU_F16, narrow(SWIGLU_F16, 65519.0F)) == 65504.0F);
  CHECK(widen(SWIGLU_F16, narrow(SWIGLU_F16, 65520.0F)) == kInfinity);
  CHECK(widen(SWIGLU_F16, narrow(SWIGLU_F16, -kInfinity)) == -kInfinity);
  CHECK(widen(SWIGLU_BF16, narrow(SWIGLU_BF16, std::numeric_limits<float>::max())) == kInfinity);
}
