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
#include "swiglu/config.h"

namespace swiglu {

inline constexpr float kFarGate = 256.0f;  // the sigmoid is 0 or 1 from far below here on up

__device__ __forceinline__ float bound_gate(float g) { return ptx::max_nan(-kFarGate, g); }

// Of two elements.
template <DType kDType>
__device__ __forceinline__ unsigned bound_gates(unsigned packed) {
  constexpr unsigned kMinusFar = kDType == DType::bf16 ? 0xc380c380 : 0xdc00dc00;  // -kFarGate, twice
  return kDType == DType::bf16 ? ptx::max_nan_bf16x2(kMinusFar, packed) : ptx::max_nan_f16x2(kMinusFar, packed);
}

// e^-g of a bounded g; its sigmoid is 1 / (1 + e^-g).
__device__ __forceinline__ float exp_minus(float bounded) {
  constexpr float kLog2E = 1.4426950408889634f;
  return ptx::exp2_approx(bounded * -kLog2E);
}

__device__ __forceinline__ float gate(float g, float u) {
  const float bounded = bound_gate(g);
  return bounded * ptx::rcp_approx(1.0f + exp_minus(bounded)) * u;
}

struct GateGradient {
  float dg;
  float du;
};

// Of gate(g, u) times dout: du = gate(g, dout) and dg = dout * u * (s + g s (1 - s)). The error of the latter's factor
// is about (3e-7 + 6e-8 * |g|) * s; where it vanishes, at g = -1.278, that is all there is of it. g = +inf gives dout *
// u, g = -inf gives 0 * (dout * u), as the limits do: g s is bounded, or 1 - s would meet it as inf * 0. Of a bounded g
// and its sigmoid s.
__device__ __forceinline__ GateGradient gate_gradient(float bounded, float s, float u, float dout) {
  const float silu = bounded * s;
  const float finite = silu > kFarGate ? kFarGate : silu;  // NaN stays
  return {dout * u * (s + finite * (1.0f - s)), silu * dout};
}

__device__ __forceinline__ GateGradient gate_gradient(float g, float u, float dout) {
  const float bounded = bound_gate(g);
  return gate_gradient(bounded, ptx::rcp_approx(1.0f + exp_minus(bounded)), u, dout);
}

}  // namespace swiglu
