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

// Of each half of both.
template <typename Widen, typename Narrow>
unsigned max_nan_x2(unsigned a, unsigned b, Widen widen, Narrow narrow) {
  const auto larger = [&](int shift) -> unsigned {
    return narrow(
        max_nan(widen(static_cast<unsigned short>(a >> shift)), widen(static_cast<unsigned short>(b >> shift))));
  };
  return larger(0) | larger(16) << 16;
}
inline unsigned max_nan_bf16x2(unsigned a, unsigned b) {
  return max_nan_x2(a, b, swiglu::bf16_to_float, swiglu::float_to_bf16);
}
inline unsigned max_nan_f16x2(unsigned a, unsigned b) {
  return max_nan_x2(a, b, swiglu::f16_to_float, swiglu::float_to_f16);
}

// Product and sum of f16 in double: what double cannot hold is too small to matter to the rounding to f16.
inline unsigned short fma_f16(unsigned short a, unsigned short b, unsigned short c) {
  const double product = static_cast<double>(swiglu::f16_to_float(a)) * static_cast<double>(swiglu::f16_to_float(b));
  return swiglu::double_to_f16(product + static_cast<double>(swiglu::f16_to_float(c)));
}

}  // namespace swiglu::ptx
