// CUDA C++ for a plain C++ compiler: the keywords, built-in variables and functions that the kernel templates use, for
// code that runs inside an emulated thread. Force-included (-include) before everything else in the kernels'
// translation units.
#pragma once

#include <bit>
#include <cmath>

#include "operations/operations.h"

#define __device__
#define __host__
#define __global__
#define __forceinline__ inline
#define __grid_constant__
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)

// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier): names are CUDA's.
inline const swiglu::emulator::Index3& threadIdx = swiglu::emulator::built_ins.thread_index;
inline const swiglu::emulator::Index3& blockIdx = swiglu::emulator::built_ins.block_index;
inline const swiglu::emulator::Index3& blockDim = swiglu::emulator::built_ins.block_shape;
inline const swiglu::emulator::Index3& gridDim = swiglu::emulator::built_ins.grid_shape;

inline unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }
inline float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }

using EmulatorLocation = swiglu::emulator::Location;

inline void __syncthreads(const EmulatorLocation& where = EmulatorLocation::current()) {
  swiglu::emulator::synchronize_threads(where);
}
inline void __syncwarp(unsigned mask = swiglu::emulator::Block::kFullMask,
                       const EmulatorLocation& where = EmulatorLocation::current()) {
  swiglu::emulator::synchronize_warp(mask, where);
}

template <typename T>
inline T emulator_shuffle(swiglu::emulator::Shuffle kind, unsigned mask, T value, int argument, int width,
                          const EmulatorLocation& where) {
  if constexpr (sizeof(T) == 2 * sizeof(unsigned)) {
    const auto bits = std::bit_cast<unsigned long long>(value);
    const auto half = [&](unsigned long long of) {
      return static_cast<unsigned long long>(
          swiglu::emulator::shuffle(kind, mask, static_cast<unsigned>(of), argument, width, where));
    };
    const unsigned long long low = half(bits);
    return std::bit_cast<T>(half(bits >> 32) << 32 | low);
  } else {
    static_assert(sizeof(T) == sizeof(unsigned), "shuffles move 32 or 64 bits");
    return std::bit_cast<T>(
        swiglu::emulator::shuffle(kind, mask, std::bit_cast<unsigned>(value), argument, width, where));
  }
}
template <typename T>
inline T __shfl_sync(unsigned mask, T value, int lane, int width = swiglu::emulator::Block::kWarpSize,
                     const EmulatorLocation& where = EmulatorLocation::current()) {
  return emulator_shuffle(swiglu::emulator::Shuffle::index, mask, value, lane, width, where);
}
template <typename T>
inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = swiglu::emulator::Block::kWarpSize,
                         const EmulatorLocation& where = EmulatorLocation::current()) {
  return emulator_shuffle(swiglu::emulator::Shuffle::exclusive_or, mask, value, bits, width, where);
}
template <typename T>
inline T __shfl_down_sync(unsigned mask, T value, int distance, int width = swiglu::emulator::Block::kWarpSize,
                          const EmulatorLocation& where = EmulatorLocation::current()) {
  return emulator_shuffle(swiglu::emulator::Shuffle::down, mask, value, distance, width, where);
}
inline unsigned __ballot_sync(unsigned mask, bool predicate,
                              const EmulatorLocation& where = EmulatorLocation::current()) {
  return swiglu::emulator::ballot(mask, predicate, where);
}
inline int __ffs(int bits) { return bits == 0 ? 0 : std::countr_zero(static_cast<unsigned>(bits)) + 1; }
// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)
