// From a block's sums to a matrix in global memory. Elements of 16 bits go through shared memory, where a half of the
// output tile takes the place of the ring, so that whole rows go out in stores as wide as their alignment allows; f32
// goes out of the registers, 32 bytes of a row from every four lanes.
//
// A result that lies transposed in memory ([column][row], swiglu/problem.h) is turned on the way. Only elements inside
// the matrix are touched. All threads of the block take part.
#pragma once

#include "ptx/memory.cuh"
#include "swiglu/chunk.cuh"
#include "swiglu/config.h"
#include "swiglu/element.cuh"
#include "swiglu/operands.cuh"
#include "swiglu/shared_tile.cuh"

namespace swiglu {

// A half of the tile as it lies in memory. Rows are kStagingPad elements longer than the tile's, so that neither the
// stores of fragments nor the reads of rows meet on a bank; only in tiles of 32 columns, where one read takes in two
// rows, do two of its eight chunks meet, and in those of 16.
template <KernelConfig C>
struct StagedHalf {
  static constexpr bool kTransposed = product(C.problem).transposed;
  static constexpr int kRows = kTransposed ? C.tile.n : C.tile.m;
  static constexpr int kColumns = kTransposed ? C.tile.m : C.tile.n;
  static constexpr int kPitch = kColumns + kStagingPad;
  static constexpr int kMatrixColumns =
      kTransposed ? static_cast<int>(extent(C.problem, product(C.problem).rows, 0)) : product_columns(C.problem);
  static constexpr bool kWholeTile = kMatrixColumns % (kTransposed ? C.tile.m : tile_columns(C)) == 0;
  static constexpr bool kWholeChunks = kMatrixColumns % kChunkElements == 0;

  unsigned short elements[kRows][kPitch];
};

// Where a half of the tile goes.
struct Destination {
  void* matrix;
  long long ld;
  long long row;  // in memory, of the tile's first element
  int column;
  int rows;  // in memory, of the tile that are inside; may be none, or less
};

template <KernelConfig C>
__device__ __forceinline__ Destination destination(void* matrix, long long ld, const Work& work, int half,
                                                   int rows_inside) {
  const int column = work.origin.column + half_offset<C>(half);
  if constexpr (StagedHalf<C>::kTransposed) {
    const int left = product_columns(C.problem) - column;
    return {matrix, ld, column, static_cast<int>(work.origin.row), left < C.tile.n ? left : C.tile.n};
  } else {
    return {matrix, ld, work.origin.row, column, rows_inside};
  }
}

// move(shared address, global address, valid elements) for every chunk of the half that is inside.
template <KernelConfig C, typename Move>
__device__ __forceinline__ void for_each_chunk(unsigned staging, const Destination& to, Move move) {
  using Half = StagedHalf<C>;
  constexpr int kRowChunks = Half::kColumns / kChunkElements;
  constexpr int kRowsPerPass = threads(C) / kRowChunks;
  const int chunk = static_cast<int>(threadIdx.x) % kRowChunks;
  const int first_row = static_cast<int>(threadIdx.x) / kRowChunks;
  const int valid = Half::kMatrixColumns - to.column - chunk * kChunkElements;
  if (!Half::kWholeTile && valid <= 0) {
    return;
  }
  unsigned char* global = static_cast<unsigned char*>(to.matrix) +
                          ((to.row + first_row) * to.ld + to.column + chunk * kChunkElements) * kElementBytes;
#pragma unroll 4
  for (int row = first_row; row < to.rows; row += kRowsPerPass) {
    move(staging + static_cast<unsigned>((row * Half::kPitch + chunk * kChunkElements) * kElementBytes), global, valid);
    global += to.ld * (kRowsPerPass * kElementBytes);
  }
}

template <KernelConfig C>
__device__ __forceinline__ void store_staged(unsigned staging, const Destination& to) {
  for_each_chunk<C>(staging, to, [](unsigned shared, unsigned char* global, int valid) {
    store_chunk<C.problem.access_bytes, StagedHalf<C>::kWholeChunks>(global, ptx::load_shared<kChunkBytes>(shared),
                                                                     valid);
  });
}

// What is there now, to be worked on in place.
template <KernelConfig C>
__device__ __forceinline__ void load_staged(unsigned staging, const Destination& from) {
  for_each_chunk<C>(staging, from, [](unsigned shared, const unsigned char* global, int valid) {
    ptx::store_shared<kChunkBytes>(shared,
                                   load_chunk<C.problem.access_bytes, StagedHalf<C>::kWholeChunks>(global, valid));
  });
}

// A warp's part of the tile: visit(i, j, half, row, column) for each two neighbouring columns that a lane holds,
// elements 2 half and 2 half + 1 of the m16n8 block (i, j). Blocks of 16 rows that lie beyond `rows` are skipped; the
// branch also keeps the compiler from computing the values of all blocks at once, for which registers would not do.
template <int kMmaM, int kMmaN, typename Visit>
__device__ __forceinline__ void for_each_pair(int rows, int warp_row, int warp_column, Visit visit) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
#pragma unroll
  for (int i = 0; i < kMmaM; ++i) {
    if (warp_row + i * 16 >= rows) {
      break;
    }
#pragma unroll
    for (int j = 0; j < kMmaN; ++j) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        visit(i, j, half, warp_row + i * 16 + half * 8 + lane / 4, warp_column + j * 8 + lane % 4 * 2);
      }
    }
  }
}

// Address in the staged half of the pair at (row, column) of the tile.
template <KernelConfig C>
__device__ __forceinline__ unsigned staged_pair(unsigned staging, int row, int column) {
  using Half = StagedHalf<C>;
  const int element = Half::kTransposed ? column * Half::kPitch + row : row * Half::kPitch + column;
  return staging + static_cast<unsigned>(element * kElementBytes);
}

// A warp's values, made by `value(i, j, e)`, into the staged half, or added there to what load_staged() has fetched.
template <KernelConfig C, int kMmaM, int kMmaN, typename Value>
__device__ __forceinline__ void stage(unsigned staging, bool add, int rows, int warp_row, int warp_column,
                                      Value value) {
  constexpr DType kDType = C.problem.dtype;
  for_each_pair<kMmaM, kMmaN>(rows, warp_row, warp_column, [&](int i, int j, int half, int row, int column) {
    const unsigned address = staged_pair<C>(staging, row, column);
    float low = value(i, j, 2 * half);
    float high = value(i, j, 2 * half + 1);
    if constexpr (StagedHalf<C>::kTransposed) {
      constexpr unsigned kNext = StagedHalf<C>::kPitch * kElementBytes;
      if (add) {
        low += to_float<kDType>(static_cast<unsigned short>(ptx::load_shared<2>(address).words[0]));
        high += to_float<kDType>(static_cast<unsigned short>(ptx::load_shared<2>(address + kNext).words[0]));
      }
      ptx::store_shared<2>(address, ptx::Packet<2>{{from_float<kDType>(low)}});
      ptx::store_shared<2>(address + kNext, ptx::Packet<2>{{from_float<kDType>(high)}});
    } else {
      if (add) {
        const FloatPair old = unpack<kDType>(ptx::load_shared<4>(address).words[0]);
        low += old.low;
        high += old.high;
      }
      ptx::store_shared<4>(address, ptx::Packet<4>{{pack<kDType>(low, high)}});
    }
  });
}

// A warp's values to an f32 matrix whose rows start at multiples of kAccessBytes, written or added.
template <KernelConfig C, int kAccessBytes, int kMmaM, int kMmaN, typename Value>
__device__ __forceinline__ void store_floats(const Destination& to, bool add, int rows, int warp_row, int warp_column,
                                             int columns, Value value) {
  constexpr bool kTransposed = StagedHalf<C>::kTransposed;
  const auto put = [&](float* at, float sum) { *at = add ? *at + sum : sum; };
  float* const first = static_cast<float*>(to.matrix) + (to.row * to.ld + to.column);
  for_each_pair<kMmaM, kMmaN>(rows, warp_row, warp_column, [&](int i, int j, int half, int row, int column) {
    if (row >= rows || column >= columns) {
      return;
    }
    const float low = value(i, j, 2 * half);
    const float high = value(i, j, 2 * half + 1);
    float* const at = first + (kTransposed ? column * to.ld + row : row * to.ld + column);
    const bool both = column + 1 < columns;
    if (!kTransposed && kAccessBytes >= 8 && both) {
      FloatPair* const pair = reinterpret_cast<FloatPair*>(at);
      const FloatPair old = add ? *pair : FloatPair{0.0f, 0.0f};
      *pair = add ? FloatPair{old.low + low, old.high + high} : FloatPair{low, high};
    } else {
      put(at, low);
      if (both) {
        put(at + (kTransposed ? to.ld : 1), high);
      }
    }
  });
}

}  // namespace swiglu
