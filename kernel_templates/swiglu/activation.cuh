// The gate: silu(g) * u = g * sigmoid(g) * u in f32, from unrounded sums.
//
// As few instructions as there are: where d_model is small they, not the products, decide a kernel's time, and in large
// kernels its power. Below g = -87 the sigmoid is denormal in f32 and becomes zero, as e^-g goes to infinity.
//
// Relative error of normal results: about 3e-7 + 6e-8 * |g| (two hardware approximations of 2 ulp or less, and the
// rounding of the exponent). NaN in g or u gives NaN. g = +inf gives inf * u; g = -inf gives -0 * u, hence -0 or 0 for
// finite u, as the limit does: it is bounded, or it would meet its sigmoid as -inf * 0.
#pragma once

#include "ptx/math.cuh"

namespace swiglu {

__device__ __forceinline__ float gate(float g, float u) {
  constexpr float kLog2E = 1.4426950408889634f;
  constexpr float kNothing = -256.0f;  // the sigmoid is zero from far above here on down
  const float bounded = ptx::max_nan(kNothing, g);
  return bounded * ptx::rcp_approx(1.0f + ptx::exp2_approx(bounded * -kLog2E)) * u;
}

}  // namespace swiglu
