// Hardware approximations and fused operations. sm_75+.
#pragma once

namespace swiglu::ptx {

// 2^x with a relative error of about 2^-22; exp2(-inf) = 0, exp2(inf) = inf. Denormals count as zero.
__device__ __forceinline__ float exp2_approx(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

// 1 / x within 1 ulp, for normal x and 1 / x: denormals count as zero.
__device__ __forceinline__ float rcp_approx(float x) {
  float result;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

// The larger one; NaN if either is (max.NaN needs sm_80).
__device__ __forceinline__ float max_nan(float a, float b) {
  if (a != a) {
    return a;
  }
  return b < a ? a : b;  // a NaN in b compares false and is returned
}

// The same of two 16-bit elements each. sm_80.
__device__ __forceinline__ unsigned max_nan_bf16x2(unsigned a, unsigned b) {
  unsigned result;
  asm("max.NaN.bf16x2 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
__device__ __forceinline__ unsigned max_nan_f16x2(unsigned a, unsigned b) {
  unsigned result;
  asm("max.NaN.f16x2 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  return result;
}

// a * b + c in f16 with one rounding, on bit patterns.
__device__ __forceinline__ unsigned short fma_f16(unsigned short a, unsigned short b, unsigned short c) {
  unsigned result;
  asm("{ .reg .b16 a, b, c, d, unused; mov.b32 {a, unused}, %1; mov.b32 {b, unused}, %2; mov.b32 {c, unused}, %3;"
      " fma.rn.f16 d, a, b, c; mov.b32 %0, {d, d}; }"
      : "=r"(result)
      : "r"(static_cast<unsigned>(a)), "r"(static_cast<unsigned>(b)), "r"(static_cast<unsigned>(c)));
  return static_cast<unsigned short>(result & 0xffffu);
}

}  // namespace swiglu::ptx
