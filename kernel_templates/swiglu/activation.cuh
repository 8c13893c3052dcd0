// The gate: silu(g) * u = g * sigmoid(g) * u in f32, from unrounded sums.
//
// With t = e^-|g| = h * h, sigmoid(g) is 1 / (1 + t) for g >= 0 and t / (1 + t) below, so nothing overflows on the way
// and no difference cancels. t goes in as h twice, once before and once after u: h is a normal number down to g = -174,
// hence the result keeps its accuracy where t alone would be denormal or zero (below g = -87) and u is large.
//
// Relative error of normal results: about 5e-7 + 5e-8 * |g| (two hardware approximations of 2 ulp or less, and the
// rounding of h's exponent). Denormal results are rounded to denormals, not flushed. NaN in g or u gives NaN. g = +inf
// gives inf * u; g = -inf gives -0 * u, hence -0 or 0 for finite u, as the limit does.
#pragma once

#include "ptx/math.cuh"

namespace swiglu {

__device__ __forceinline__ float gate(float g, float u) {
  constexpr float kHalfLog2E = 0.72134752044448170f;  // log2(e) / 2
  constexpr float kNothing = -256.0f;                 // e^(g / 2) is zero in f32 from here on down, -inf included
  const float bounded = ptx::max_nan(kNothing, g);
  const float magnitude = bounded < 0.0f ? -bounded : bounded;
  const float h = ptx::exp2_approx(-magnitude * kHalfLog2E);
  const float reciprocal = ptx::rcp_approx(1.0f + h * h);
  const float factor = bounded < 0.0f ? h : 1.0f;
  return ((bounded * factor) * reciprocal) * u * factor;
}

}  // namespace swiglu
