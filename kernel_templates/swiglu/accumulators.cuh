// A warp's sums of one half (gate or up), held in mma accumulator registers in the type the problem asks for.
//
//   f32            f32 sums
//   f16            f16 sums, two to a register
//   f16_promoted   f16 sums over kPromotionK products, then added to f32 sums
#pragma once

#include "ptx/convert.cuh"
#include "ptx/mma.cuh"
#include "swiglu/config.h"

namespace swiglu {

// value(i, j, e): element e of the m16n8 block (i, j), numbered as in ptx/mma.cuh.
template <DType kDType, Accum kAccum, int kMmaM, int kMmaN>
struct Accumulators;

template <DType kDType, int kMmaM, int kMmaN>
struct Accumulators<kDType, Accum::f32, kMmaM, kMmaN> {
  float sums[kMmaM][kMmaN][4] = {};

  __device__ __forceinline__ void multiply(int i, int j, const unsigned (&a)[4], const unsigned (&b)[2]) {
    if constexpr (kDType == DType::bf16) {
      ptx::mma_m16n8k16_bf16_f32(sums[i][j], a, b);
    } else {
      ptx::mma_m16n8k16_f16_f32(sums[i][j], a, b);
    }
  }

  __device__ __forceinline__ void promote() {}

  __device__ __forceinline__ float value(int i, int j, int e) const { return sums[i][j][e]; }
};

template <int kMmaM, int kMmaN>
struct Accumulators<DType::f16, Accum::f16, kMmaM, kMmaN> {
  unsigned sums[kMmaM][kMmaN][2] = {};

  __device__ __forceinline__ void multiply(int i, int j, const unsigned (&a)[4], const unsigned (&b)[2]) {
    ptx::mma_m16n8k16_f16_f16(sums[i][j], a, b);
  }

  __device__ __forceinline__ void promote() {}

  __device__ __forceinline__ float value(int i, int j, int e) const {
    float low;
    float high;
    ptx::unpack_f16x2(sums[i][j][e / 2], low, high);
    return e % 2 == 0 ? low : high;
  }
};

template <int kMmaM, int kMmaN>
struct Accumulators<DType::f16, Accum::f16_promoted, kMmaM, kMmaN> {
  float sums[kMmaM][kMmaN][4] = {};
  unsigned partial[kMmaM][kMmaN][2] = {};

  __device__ __forceinline__ void multiply(int i, int j, const unsigned (&a)[4], const unsigned (&b)[2]) {
    ptx::mma_m16n8k16_f16_f16(partial[i][j], a, b);
  }

  // After every kPromotionK products, and at the end.
  __device__ __forceinline__ void promote() {
#pragma unroll
    for (int i = 0; i < kMmaM; ++i) {
#pragma unroll
      for (int j = 0; j < kMmaN; ++j) {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
          sums[i][j][2 * r] += ptx::low_f16_to_float(partial[i][j][r]);
          sums[i][j][2 * r + 1] += ptx::high_f16_to_float(partial[i][j][r]);
          partial[i][j][r] = 0;
        }
      }
    }
  }

  __device__ __forceinline__ float value(int i, int j, int e) const { return sums[i][j][e]; }
};

}  // namespace swiglu
