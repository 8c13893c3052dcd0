// The emulator's form of kernel_templates/ptx/math.cuh: approximations are correctly rounded here.
#pragma once

#include "base/numeric.h"

namespace swiglu::ptx {

inline float exp2_approx(float x) {
  const float result = std::exp2(x);
  return result < std::numeric_limits<float>::min() ? 0.0f : result;
}
inline float rcp_approx(float x) { return 1.0F / x; }
inline float max_nan(float a, float b) { return std::isnan(a) || std::isnan(b) ? a + b : std::fmax(a, b); }

inline unsigned max_nan_bf16x2(unsigned a, unsigned b) {
  const auto larger = [&](int half) -> unsigned {
    const auto element = [&](unsigned packed) {
      return swiglu::bf16_to_float(static_cast<unsigned short>(packed >> 16 * half));
    };
    return swiglu::float_to_bf16(max_nan(element(a), element(b)));
  };
  return larger(0) | larger(1) << 16;
}
inline unsigned max_nan_f16x2(unsigned a, unsigned b) {
  const auto larger = [&](int half) -> unsigned {
    const auto element = [&](unsigned packed) {
      return swiglu::f16_to_float(static_cast<unsigned short>(packed >> 16 * half));
    };
    return swiglu::float_to_f16(max_nan(element(a), element(b)));
  };
  return larger(0) | larger(1) << 16;
}

// Product and sum of f16 in double: what double cannot hold is too small to matter to the rounding to f16.
inline unsigned short fma_f16(unsigned short a, unsigned short b, unsigned short c) {
  const double product = static_cast<double>(swiglu::f16_to_float(a)) * static_cast<double>(swiglu::f16_to_float(b));
  return swiglu::double_to_f16(product + static_cast<double>(swiglu::f16_to_float(c)));
}

}  // namespace swiglu::ptx
