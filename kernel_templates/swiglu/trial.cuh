// What the tuner does on a device beside running the kernels it judges: random operands, and sums of squared
// differences of two results over every block of 64 x 64. Neither needs a grid of any particular size. Blocks have
// kTrialThreads.
#pragma once

#include "ptx/convert.cuh"
#include "swiglu/params.h"

namespace swiglu::trial {

inline constexpr int kTrialThreads = 256;
inline constexpr int kBlock = 64;  // rows and columns of a block

// 64 bits that look random, the same for the same number (splitmix64).
__device__ __forceinline__ unsigned long long mixed(unsigned long long number) {
  number += 0x9e3779b97f4a7c15ull;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9ull;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebull;
  return number ^ (number >> 31);
}

// Nearly normal, of deviation 1: a sum of four uniform numbers.
__device__ __forceinline__ float nearly_normal(unsigned long long bits) {
  constexpr float kScale = 1.7320508f / 65536.0f;
  float sum = 0.0f;
  for (int i = 0; i < 4; ++i) {
    sum += static_cast<float>((bits >> (16 * i)) & 0xffffull) - 32767.5f;
  }
  return sum * kScale;
}

__device__ __forceinline__ void fill(const FillParams& params) {
  auto* to = static_cast<unsigned short*>(params.to);
  const long long stride = static_cast<long long>(gridDim.x) * kTrialThreads;
  for (long long i = static_cast<long long>(blockIdx.x) * kTrialThreads + threadIdx.x; i < params.elements;
       i += stride) {
    const float value =
        params.deviation * nearly_normal(mixed(mixed(params.seed) + static_cast<unsigned long long>(i)));
    to[i] = params.type == ElementType::f16 ? ptx::float_to_f16(value) : ptx::float_to_bf16(value);
  }
}

__device__ __forceinline__ float element(const void* matrix, long long index, ElementType type) {
  if (type == ElementType::f32) {
    return static_cast<const float*>(matrix)[index];
  }
  const unsigned short bits = static_cast<const unsigned short*>(matrix)[index];
  return type == ElementType::f16 ? ptx::f16_to_float(bits) : ptx::bf16_to_float(bits);
}

__device__ __forceinline__ float sum_of_warp(float value) {
  for (int distance = 16; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, distance);
  }
  return value;
}

// One block of the matrix for every block of the grid, and on with a stride.
__device__ __forceinline__ void block_errors(const BlockErrorParams& params) {
  constexpr int kWarps = kTrialThreads / 32;
  __shared__ float differences[kWarps];
  __shared__ float squares[kWarps];
  const long long across = (params.columns + kBlock - 1) / kBlock;
  const long long blocks = across * ((params.rows + kBlock - 1) / kBlock);
  const int thread = static_cast<int>(threadIdx.x);
  for (long long block = blockIdx.x; block < blocks; block += gridDim.x) {
    const long long row = block / across * kBlock;
    const long long column = block % across * kBlock;
    float difference = 0.0f;
    float square = 0.0f;
    for (int i = thread; i < kBlock * kBlock; i += kTrialThreads) {
      const long long r = row + i / kBlock;
      const long long c = column + i % kBlock;
      if (r < params.rows && c < params.columns) {
        const float want = element(params.expected, r * params.ld_expected + c, params.type);
        const float got = element(params.actual, r * params.ld_actual + c, params.type);
        difference += (got - want) * (got - want);
        square += want * want;
      }
    }
    difference = sum_of_warp(difference);
    square = sum_of_warp(square);
    if (thread % 32 == 0) {
      differences[thread / 32] = difference;
      squares[thread / 32] = square;
    }
    __syncthreads();
    if (thread == 0) {
      for (int warp = 1; warp < kWarps; ++warp) {
        difference += differences[warp];
        square += squares[warp];
      }
      params.sums[2 * block] = difference;
      params.sums[2 * block + 1] = square;
    }
    __syncthreads();
  }
}

}  // namespace swiglu::trial
