// A tile of 16-bit elements in shared memory: row-major, its 16-byte chunks XOR-swizzled within each row.
//
// ldmatrix reads the same chunk of 8 neighbouring rows at once, and cp.async writes the chunks of a row at once. The
// swizzle spreads both over all 32 banks: rows of 128 bytes or more rotate their 8 chunks with the row; narrower rows,
// of which several share 128 bytes, change it every 128 bytes. Tiles start at multiples of 1024 bytes and rows are
// powers of two, so the bits of a chunk can be flipped in an address.
#pragma once

#include "swiglu/config.h"

namespace swiglu {

inline constexpr int kChunkElements = kChunkBytes / kElementBytes;

template <int kRowElements>
struct SharedTile {
  static constexpr int kRowBytes = kRowElements * kElementBytes;
  static constexpr int kRowChunks = kRowBytes / kChunkBytes;
  static constexpr int kSwizzledBytes = kRowBytes < 128 ? kRowBytes : 128;
  static_assert(is_power_of_two(kRowElements) && kRowBytes >= 2 * kChunkBytes);

  // Bytes from the tile's start to a chunk.
  __device__ static __forceinline__ unsigned offset(int row, int chunk) {
    const int swizzle = row / (128 / kSwizzledBytes) % (kSwizzledBytes / kChunkBytes);
    return static_cast<unsigned>(row * kRowBytes + (chunk ^ swizzle) * kChunkBytes);
  }
};

}  // namespace swiglu
