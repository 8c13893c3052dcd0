// The 16-bit element types as bit patterns, chosen by DType.
#pragma once

#include "ptx/convert.cuh"
#include "swiglu/config.h"

namespace swiglu {

template <DType kDType>
__device__ __forceinline__ float to_float(unsigned short bits) {
  if constexpr (kDType == DType::bf16) {
    return ptx::bf16_to_float(bits);
  } else {
    return ptx::f16_to_float(bits);
  }
}

// Rounds once, to nearest even.
template <DType kDType>
__device__ __forceinline__ unsigned short from_float(float value) {
  if constexpr (kDType == DType::bf16) {
    return ptx::float_to_bf16(value);
  } else {
    return ptx::float_to_f16(value);
  }
}

// Two neighbours as one register, `low` in the low half.
template <DType kDType>
__device__ __forceinline__ unsigned pack(float low, float high) {
  if constexpr (kDType == DType::bf16) {
    return ptx::pack_bf16x2(low, high);
  } else {
    return ptx::pack_f16x2(low, high);
  }
}

struct alignas(8) FloatPair {
  float low;
  float high;
};

template <DType kDType>
__device__ __forceinline__ FloatPair unpack(unsigned packed) {
  return {to_float<kDType>(static_cast<unsigned short>(packed & 0xffffu)),
          to_float<kDType>(static_cast<unsigned short>(packed >> 16))};
}

}  // namespace swiglu
