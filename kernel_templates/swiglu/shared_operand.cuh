// Descriptors of wgmma operands in shared memory, as the tensor memory accelerator lays them with its 128-byte swizzle.
//
//   K-major    rows of 64 k (128 bytes), any number of rows one below the other
//   MN-major   atoms of 64 k-rows by 64 m or n (128 bytes a row), one atom after the other
//
// Either way 64 rows or columns of m or n take 8192 bytes. Tiles start at multiples of 1024 bytes.
#pragma once

#include "swiglu/config.h"

namespace swiglu {

inline constexpr unsigned kOperandBlockBytes = kSwizzledElements * kSwizzledElements * kElementBytes;  // 64 x 64

// Of what lies in this block's shared memory, without the block's rank in a cluster, which stands above it.
inline constexpr unsigned kSharedAddresses = 1 << 18;

// The operand of 64 k at `address`, of which step 0 .. 3 multiplies 16.
template <bool kMnMajor>
__device__ __forceinline__ unsigned long long shared_operand(unsigned address, unsigned step) {
  constexpr unsigned long long kSwizzle128 = 1ull << 62;
  // Bytes / 16 between groups of 8 rows (K-major) or of 8 k (MN-major), and between atoms, of which K-major has none.
  constexpr unsigned long long kStride = 8ull * 128 / 16 << 32;
  constexpr unsigned long long kLeading = (kMnMajor ? kOperandBlockBytes / 16ull : 1ull) << 16;
  constexpr unsigned kStepBytes = kMnMajor ? 16 * 128 : 16 * kElementBytes;
  return kSwizzle128 | kStride | kLeading | (address + step * kStepBytes) / 16;  // below kSharedAddresses
}

}  // namespace swiglu
