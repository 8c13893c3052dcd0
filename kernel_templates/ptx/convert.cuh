// Conversions between f32 and the bit patterns of bf16 and f16: widening is exact, narrowing rounds to nearest even,
// NaN stays NaN, overflow gives Inf, denormals are kept. sm_75+.
#pragma once

namespace swiglu::ptx {

__device__ __forceinline__ float bf16_to_float(unsigned short bits) {
  return __uint_as_float(static_cast<unsigned>(bits) << 16);
}

// Of two in a register either one, by one instruction: not so f16_to_float() of what the compiler has taken out.
__device__ __forceinline__ float low_f16_to_float(unsigned packed) {
  float value;
  asm("{ .reg .b16 low, high; mov.b32 {low, high}, %1; cvt.f32.f16 %0, low; }" : "=f"(value) : "r"(packed));
  return value;
}
__device__ __forceinline__ float high_f16_to_float(unsigned packed) {
  float value;
  asm("{ .reg .b16 low, high; mov.b32 {low, high}, %1; cvt.f32.f16 %0, high; }" : "=f"(value) : "r"(packed));
  return value;
}

__device__ __forceinline__ float f16_to_float(unsigned short bits) { return low_f16_to_float(bits); }

// Two values as one register, `low` in the low half.
__device__ __forceinline__ unsigned pack_f16x2(float low, float high) {
  unsigned packed;
#if __CUDA_ARCH__ >= 800
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
#else
  asm("{ .reg .b16 l, h; cvt.rn.f16.f32 l, %1; cvt.rn.f16.f32 h, %2; mov.b32 %0, {l, h}; }"
      : "=r"(packed)
      : "f"(low), "f"(high));
#endif
  return packed;
}

__device__ __forceinline__ unsigned short float_to_f16(float value) {
  return static_cast<unsigned short>(pack_f16x2(value, 0.0f) & 0xffffu);
}

__device__ __forceinline__ unsigned short float_to_bf16(float value) {
#if __CUDA_ARCH__ >= 800
  unsigned packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(0.0f), "f"(value));
  return static_cast<unsigned short>(packed & 0xffffu);
#else
  const unsigned bits = __float_as_uint(value);
  if (value != value) {
    return static_cast<unsigned short>((bits >> 16) | 0x40u);  // quiet, and never the pattern of Inf
  }
  return static_cast<unsigned short>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
#endif
}

__device__ __forceinline__ unsigned pack_bf16x2(float low, float high) {
#if __CUDA_ARCH__ >= 800
  unsigned packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
#else
  return static_cast<unsigned>(float_to_bf16(low)) | (static_cast<unsigned>(float_to_bf16(high)) << 16);
#endif
}

__device__ __forceinline__ void unpack_f16x2(unsigned packed, float& low, float& high) {
  low = f16_to_float(static_cast<unsigned short>(packed & 0xffffu));
  high = f16_to_float(static_cast<unsigned short>(packed >> 16));
}

}  // namespace swiglu::ptx
