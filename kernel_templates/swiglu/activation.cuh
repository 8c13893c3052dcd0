// The gate: silu(g) * u = g * sigmoid(g) * u in f32, from unrounded sums; and its derivatives.
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

struct GateGradient {
  float dg;
  float du;
};

// Of gate(g, u) times dout: du = gate(g, dout), and dg = dout * u * silu'(g) with
//
//   silu'(g) = s + g s (1 - s) = (1 + t + |g| t) / (1 + t)^2 for g >= 0,  t (1 + t - |g|) / (1 + t)^2 below,
//
// where t goes in as h twice again. The absolute error of silu' is about 1e-6 * sigmoid(g) * (1 + |g|): at its zero, g
// = -1.278, a difference does cancel. Limits: dout * u at g = +inf, -0 * (dout * u) at -inf.
__device__ __forceinline__ GateGradient gate_gradient(float g, float u, float dout) {
  constexpr float kHalfLog2E = 0.72134752044448170f;
  constexpr float kFar = 256.0f;  // t is zero from here on
  const float bounded = ptx::max_nan(-kFar, g);
  const float magnitude = bounded < 0.0f ? -bounded : bounded;
  const float h = ptx::exp2_approx(-magnitude * kHalfLog2E);
  const float t = h * h;
  const float reciprocal = ptx::rcp_approx(1.0f + t);
  const float factor = bounded < 0.0f ? h : 1.0f;
  const float near = magnitude > kFar ? kFar : magnitude;  // so that +inf is not multiplied by zero; NaN stays
  const float slope = bounded < 0.0f ? 1.0f + t - near : 1.0f + t + near * t;
  return {((dout * u) * factor) * (slope * reciprocal * reciprocal) * factor,
          ((bounded * factor) * reciprocal) * dout * factor};
}

}  // namespace swiglu
