// From a block's sums to global memory: the gate in registers, one rounding, then through shared memory, where the
// output tile takes the place of the ring, so that whole rows go out in stores as wide as their alignment allows.
//
// Only elements inside m x d_intermediate are written. All threads of the block take part.
#pragma once

#include "ptx/memory.cuh"
#include "swiglu/activation.cuh"
#include "swiglu/config.h"
#include "swiglu/element.cuh"
#include "swiglu/params.h"
#include "swiglu/raster.cuh"
#include "swiglu/shared_tile.cuh"

namespace swiglu {

// Rows are kStagingPad elements longer than the tile's, so that neither the stores of fragments nor the reads of rows
// meet on a bank; only in tiles of n = 32, where one read takes in two rows, do two of its eight chunks meet.
template <KernelConfig C>
struct StagedOutput {
  unsigned short elements[C.tile.m][C.tile.n + kStagingPad];
};

// The first valid_elements (1 .. 8) of a chunk, in stores of kAccessBytes where those fit.
template <int kAccessBytes, bool kWhole>
__device__ __forceinline__ void store_chunk(unsigned char* destination, const ptx::Packet<kChunkBytes>& chunk,
                                            int valid_elements) {
#pragma unroll
  for (int byte = 0; byte < kChunkBytes; byte += kAccessBytes) {
    if (kWhole || byte + kAccessBytes <= valid_elements * kElementBytes) {
      ptx::Packet<kAccessBytes> piece;
#pragma unroll
      for (int word = 0; word < static_cast<int>(sizeof(piece.words) / 4); ++word) {
        piece.words[word] = chunk.words[byte / 4 + word] >> (byte % 4 * 8);
      }
      ptx::store_global<kAccessBytes>(destination + byte, piece);
    } else {
#pragma unroll
      for (int element = byte; element < byte + kAccessBytes; element += kElementBytes) {
        if (element < valid_elements * kElementBytes) {
          ptx::store_global<kElementBytes>(destination + element,
                                           ptx::Packet<kElementBytes>{{chunk.words[element / 4] >> (element % 4 * 8)}});
        }
      }
    }
  }
}

// The first `rows` rows of the staged tile to rows and columns from `origin` of an [m, d_intermediate] matrix.
template <KernelConfig C>
__device__ __forceinline__ void store_staged(unsigned staging, void* matrix, long long ld, int rows,
                                             TileOrigin origin) {
  constexpr int kRowChunks = C.tile.n / kChunkElements;
  constexpr int kRowsPerPass = threads(C) / kRowChunks;
  constexpr bool kWholeTile = C.problem.d_intermediate % C.tile.n == 0;
  constexpr bool kWholeChunks = C.problem.d_intermediate % kChunkElements == 0;
  const int chunk = static_cast<int>(threadIdx.x) % kRowChunks;
  const int first_row = static_cast<int>(threadIdx.x) / kRowChunks;
  const int valid = C.problem.d_intermediate - origin.column - chunk * kChunkElements;
  if (!kWholeTile && valid <= 0) {
    return;
  }
  unsigned char* destination = static_cast<unsigned char*>(matrix) +
                               ((origin.row + first_row) * ld + origin.column + chunk * kChunkElements) * kElementBytes;
#pragma unroll 4
  for (int row = first_row; row < rows; row += kRowsPerPass) {
    const unsigned source =
        staging + static_cast<unsigned>((row * (C.tile.n + kStagingPad) + chunk * kChunkElements) * kElementBytes);
    store_chunk<C.problem.access_bytes, kWholeChunks>(destination, ptx::load_shared<kChunkBytes>(source), valid);
    destination += ld * (kRowsPerPass * kElementBytes);
  }
}

// A warp's values, made by `value(i, j, e)`, into the staged tile. Blocks of 16 rows that lie beyond `rows` are
// skipped; the branch also keeps the compiler from computing the values of all blocks at once, for which registers
// would not do.
template <KernelConfig C, int kMmaM, int kMmaN, typename Value>
__device__ __forceinline__ void stage(unsigned staging, int rows, int warp_row, int warp_column, Value value) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
  constexpr int kRowBytes = (C.tile.n + kStagingPad) * kElementBytes;
  const unsigned first =
      staging + static_cast<unsigned>((warp_row + lane / 4) * kRowBytes + (warp_column + lane % 4 * 2) * kElementBytes);
#pragma unroll
  for (int i = 0; i < kMmaM; ++i) {
    if (warp_row + i * 16 >= rows) {
      break;
    }
#pragma unroll
    for (int j = 0; j < kMmaN; ++j) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {  // rows lane / 4 and lane / 4 + 8
        const unsigned address = first + static_cast<unsigned>((i * 16 + half * 8) * kRowBytes + j * 8 * kElementBytes);
        const unsigned packed = pack<C.problem.dtype>(value(i, j, 2 * half), value(i, j, 2 * half + 1));
        ptx::store_shared<4>(address, ptx::Packet<4>{{packed}});
      }
    }
  }
}

// Entered by all threads when nothing of the ring is in use any more. `staging`: shared address of StagedOutput.
template <KernelConfig C, int kMmaM, int kMmaN, typename Sums>
__device__ __forceinline__ void write_output(const ForwardParams& params, TileOrigin origin, unsigned staging,
                                             int warp_row, int warp_column, const Sums& gate_sums,
                                             const Sums& up_sums) {
  const long long left = params.m - origin.row;
  const int rows = left < C.tile.m ? static_cast<int>(left) : C.tile.m;
  stage<C, kMmaM, kMmaN>(staging, rows, warp_row, warp_column,
                         [&](int i, int j, int e) { return gate(gate_sums.value(i, j, e), up_sums.value(i, j, e)); });
  __syncthreads();
  store_staged<C>(staging, params.out, params.ld_out, rows, origin);
  if constexpr (C.problem.pass == Pass::forward_store) {
    __syncthreads();
    stage<C, kMmaM, kMmaN>(staging, rows, warp_row, warp_column,
                           [&](int i, int j, int e) { return gate_sums.value(i, j, e); });
    __syncthreads();
    store_staged<C>(staging, params.g, params.ld_g, rows, origin);
    __syncthreads();
    stage<C, kMmaM, kMmaN>(staging, rows, warp_row, warp_column,
                           [&](int i, int j, int e) { return up_sums.value(i, j, e); });
    __syncthreads();
    store_staged<C>(staging, params.u, params.ld_u, rows, origin);
  }
}

}  // namespace swiglu
