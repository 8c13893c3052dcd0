// From a warpgroup's fragments to a matrix in global memory: gathered in the warpgroup's own staging by
// stmatrix, and sent off as boxes of a tensor map, which clips what lies beyond the matrix. Asynchronous: the next tile
// is computed meanwhile.
//
//   staging [box][row][column of the box], rows swizzled as output_box() says
//
// The warpgroup's 128 threads take part alike; its first thread issues the copies, and must wait for them to have ended
// before the block does (finish).
#pragma once

#include "ptx/named_barrier.cuh"
#include "ptx/stmatrix.cuh"
#include "ptx/tma.cuh"
#include "ptx/wgmma.cuh"
#include "swiglu/config.h"
#include "swiglu/params.h"
#include "swiglu/shared_tile.cuh"

namespace swiglu {

template <KernelConfig C>
class StagedStore {
  static constexpr bool kSwapped = is_swapped(C.tile);
  static constexpr Box kBox = output_box(C);
  static constexpr int kBoxes = staged_columns(C.tile) / kBox.columns;
  static constexpr int kRowBytes = kBox.columns * kElementBytes;

 public:
  // Groups of 8 columns of accumulators in a round: along the rows of out, or down its columns where they hold it
  // transposed.
  static constexpr int kGroups = (kSwapped ? kBox.rows : C.tile.n) / 8;

  // `staging`: the warpgroup's, shared address. `barrier`: a number of its own.
  __device__ __forceinline__ StagedStore(unsigned staging, int barrier)
      : staging_(staging), barrier_(barrier), thread_(static_cast<int>(threadIdx.x) % kWarpgroupThreads) {}

  // A round is begin(), stage(), send(). begin: the staging may be written again.
  __device__ __forceinline__ void begin() const {
    if (thread_ == 0) {
      ptx::tma_store_wait_read<0>();
    }
    ptx::barrier_sync<kWarpgroupThreads>(barrier_);
  }

  // What was staged goes to row and column of the map's matrix.
  __device__ __forceinline__ void send(const TensorMap& map, int row, int column) const {
    ptx::fence_proxy_async();
    ptx::barrier_sync<kWarpgroupThreads>(barrier_);
    if (thread_ == 0) {
#pragma unroll
      for (int box = 0; box < kBoxes; ++box) {
        ptx::tma_store(map, column + box * kBox.columns, row,
                       staging_ + static_cast<unsigned>(box * kBox.rows * kRowBytes));
      }
      ptx::tma_store_commit();
    }
  }

  __device__ __forceinline__ void finish() const {
    if (thread_ == 0) {
      ptx::tma_store_wait<0>();
    }
  }

  // value(j, e): elements e and e + 1 of group j (wgmma_accumulators.cuh), packed. Two groups at a time are four 8x8
  // matrices: of either, rows + 0 and + 8 of the accumulators.
  template <typename Value>
  __device__ __forceinline__ void stage(Value value) const {
    unsigned thread = static_cast<unsigned>(thread_);
    ptx::keep(thread);  // or the compiler would hold the addresses of a round in registers all the time
    const int lane = static_cast<int>(thread) % kWarpThreads;
    const int warp = static_cast<int>(thread) / kWarpThreads;
    const int group = lane / 16;    // of two
    const int half = lane / 8 % 2;  // rows + 8 of the accumulators
    const int within = lane % 8;
#pragma unroll
    for (int j = 0; j < kGroups; j += 2) {
      const int row = kSwapped ? (j + group) * 8 + within : warp * 16 + half * 8 + within;
      const int chunk = kSwapped ? warp * 2 + half : j + group;
      if (j + 1 < kGroups) {
        const unsigned values[4] = {value(j, 0), value(j, 2), value(j + 1, 0), value(j + 1, 2)};
        if constexpr (kSwapped) {
          ptx::stmatrix_x4_trans(address(row, chunk), values);
        } else {
          ptx::stmatrix_x4(address(row, chunk), values);
        }
      } else {  // lanes from 16 up give no address that counts
        const unsigned values[2] = {value(j, 0), value(j, 2)};
        const int clamped = kSwapped ? j * 8 + within : row;
        if constexpr (kSwapped) {
          ptx::stmatrix_x2_trans(address(clamped, chunk), values);
        } else {
          ptx::stmatrix_x2(address(clamped, j), values);
        }
      }
    }
  }

 private:
  __device__ __forceinline__ unsigned address(int row, int chunk) const {
    constexpr int kBoxChunks = kBox.columns / kChunkElements;
    const int box = chunk / kBoxChunks;
    const int swizzle = kBox.swizzle_bytes == 0 ? 0 : row / (128 / kRowBytes) % kBoxChunks;
    return staging_ +
           static_cast<unsigned>((box * kBox.rows + row) * kRowBytes + ((chunk % kBoxChunks) ^ swizzle) * kChunkBytes);
  }

  unsigned staging_;
  int barrier_;
  int thread_;
};

}  // namespace swiglu
