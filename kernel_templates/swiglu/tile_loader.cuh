// Copies tiles of a row-major matrix from global to shared memory (shared_tile.cuh), asynchronously where its rows
// allow.
//
// All threads of the block take part: each copies the same chunk column of every kRowsPerPass-th row. Reads stay inside
// the rows and columns the caller names; what lies beyond is filled with zeros. Addresses are 64-bit.
#pragma once

#include "ptx/cp_async.cuh"
#include "ptx/memory.cuh"
#include "swiglu/config.h"
#include "swiglu/shared_tile.cuh"

namespace swiglu {

__device__ __forceinline__ int clamp(int value, int low, int high) {
  return value < low ? low : value > high ? high : value;
}

// One chunk of which the first valid_bytes (0 .. 16) are read. kAccessBytes: what the source is known to be aligned to.
template <int kAccessBytes>
__device__ __forceinline__ void copy_chunk(unsigned shared_dst, const unsigned char* source, int valid_bytes) {
  if constexpr (kAccessBytes >= 4) {
#pragma unroll
    for (int byte = 0; byte < kChunkBytes; byte += kAccessBytes) {
      ptx::cp_async<kAccessBytes>(shared_dst + static_cast<unsigned>(byte), source + byte,
                                  clamp(valid_bytes - byte, 0, kAccessBytes));
    }
  } else {  // cp.async cannot copy 2 bytes
    ptx::Packet<kChunkBytes> packet{};
#pragma unroll
    for (int byte = 0; byte < kChunkBytes; byte += kElementBytes) {
      if (byte < valid_bytes) {
        packet.words[byte / 4] |= ptx::load_global<kElementBytes>(source + byte).words[0] << (byte % 4 * 8);
      }
    }
    ptx::store_shared<kChunkBytes>(shared_dst, packet);
  }
}

// The same for a chunk that is valid whole.
template <int kAccessBytes>
__device__ __forceinline__ void copy_chunk(unsigned shared_dst, const unsigned char* source) {
  if constexpr (kAccessBytes >= 4) {
#pragma unroll
    for (int byte = 0; byte < kChunkBytes; byte += kAccessBytes) {
      ptx::cp_async<kAccessBytes>(shared_dst + static_cast<unsigned>(byte), source + byte);
    }
  } else {
    copy_chunk<kAccessBytes>(shared_dst, source, kChunkBytes);
  }
}

template <int kRows, int kRowElements, int kThreads, int kAccessBytes>
class TileLoader {
  using Tile = SharedTile<kRowElements>;
  static_assert(kThreads % Tile::kRowChunks == 0);
  static constexpr int kRowsPerPass = kThreads / Tile::kRowChunks;
  static constexpr int kPasses = (kRows + kRowsPerPass - 1) / kRowsPerPass;

 public:
  TileLoader() = default;  // of nothing, to be assigned

  // The first tile starts at (row, column) of the matrix.
  __device__ __forceinline__ TileLoader(const void* matrix, long long ld, long long row, long long column)
      : row_(static_cast<int>(threadIdx.x) / Tile::kRowChunks),
        chunk_(static_cast<int>(threadIdx.x) % Tile::kRowChunks),
        pass_bytes_(ld * (kRowsPerPass * kElementBytes)),
        source_(static_cast<const unsigned char*>(matrix) +
                ((row + row_) * ld + column + chunk_ * kChunkElements) * kElementBytes) {}

  // Copies the tile to tile_address, or the one `offset` bytes further in memory. Of it, rows_left rows and
  // columns_left columns lie inside the matrix; a count is only looked at where kCheckRows or kCheckColumns says so.
  // kUnroll: make the passes straight-line code, which is faster; not for narrow accesses, of which several passes at
  // once would need too many registers.
  template <bool kCheckRows, bool kCheckColumns, bool kUnroll>
  __device__ __forceinline__ void load(unsigned tile_address, int rows_left, int columns_left,
                                       long long offset = 0) const {
    const unsigned char* source = source_ + offset;
    const int bytes_left = (clamp(columns_left, 0, kRowElements) - chunk_ * kChunkElements) * kElementBytes;
    const int valid_bytes = kCheckColumns ? clamp(bytes_left, 0, kChunkBytes) : kChunkBytes;
    [[maybe_unused]] constexpr int kAtOnce = kUnroll && kAccessBytes == kChunkBytes ? kPasses : 1;
#pragma unroll kAtOnce
    for (int pass = 0; pass < kPasses; ++pass) {
      const int row = pass * kRowsPerPass + row_;
      if (kRows % kRowsPerPass == 0 || row < kRows) {
        const unsigned address = tile_address + Tile::offset(row, chunk_);
        if constexpr (kCheckRows) {
          copy_chunk<kAccessBytes>(address, source, row < rows_left ? valid_bytes : 0);
        } else if constexpr (kCheckColumns) {
          copy_chunk<kAccessBytes>(address, source, valid_bytes);
        } else {
          copy_chunk<kAccessBytes>(address, source);
        }
      }
      source += pass_bytes_;
    }
  }

  __device__ __forceinline__ void advance(long long bytes) { source_ += bytes; }

 private:
  int row_;    // of this thread's first chunk in the tile
  int chunk_;  // its chunk column
  long long pass_bytes_;
  const unsigned char* source_;
};

}  // namespace swiglu
