// The plain kernel: any shape, alignment, type, accumulator and layout, on every architecture. Read this one first; it
// is what the faster kernels are checked against, and what serves a problem that none of them takes.
//
// A block of 16 x 16 threads computes tile.m x tile.n of `out`. It walks k in steps of tile.k: the tiles of x, Wg and
// Wu go to shared memory (zeros beyond the edges), then each thread multiplies its rows and columns out of there.
// Thread (row, column) owns a run of neighbouring rows and every 16th column, so that a warp stores neighbouring
// columns. Every sum runs over increasing k.
#pragma once

#include "ptx/math.cuh"
#include "ptx/shared.cuh"
#include "swiglu/activation.cuh"
#include "swiglu/config.h"
#include "swiglu/element.cuh"
#include "swiglu/params.h"
#include "swiglu/raster.cuh"

namespace swiglu::simt {

// One sum of products, in the accumulator the problem asks for.
template <Problem P>
struct Sum {
  float total = 0.0f;
  unsigned short partial = 0;  // f16 bits; the whole sum for Accum::f16, the open chunk for Accum::f16_promoted

  __device__ __forceinline__ void add_product(unsigned short a, unsigned short b) {
    if constexpr (P.accum == Accum::f32) {
      total += to_float<P.dtype>(a) * to_float<P.dtype>(b);
    } else {
      partial = ptx::fma_f16(a, b, partial);
    }
  }

  // After kPromotionK products.
  __device__ __forceinline__ void end_chunk() {
    if constexpr (P.accum == Accum::f16_promoted) {
      total += ptx::f16_to_float(partial);
      partial = 0;
    }
  }

  __device__ __forceinline__ float value() const {
    return P.accum == Accum::f32 ? total : total + ptx::f16_to_float(partial);
  }
};

template <KernelConfig C>
struct SharedTiles {
  unsigned short x[C.tile.m][C.tile.k + kSimtPad];
  unsigned short gate[C.tile.k][C.tile.n + kSimtPad];
  unsigned short up[C.tile.k][C.tile.n + kSimtPad];
};

// Rows row.. and columns k.. of x. Neighbouring threads read neighbouring columns.
template <KernelConfig C>
__device__ __forceinline__ void load_x(SharedTiles<C>& tiles, const ForwardParams& params, long long row, int k) {
  constexpr int kColumns = C.tile.k;
  const unsigned short* x = static_cast<const unsigned short*>(params.x);
  for (int i = static_cast<int>(threadIdx.x); i < C.tile.m * kColumns; i += threads(C)) {
    const int r = i / kColumns;
    const int c = i % kColumns;
    const bool inside = r < params.m - row && c < C.problem.d_model - k;
    tiles.x[r][c] = inside ? x[(row + r) * params.ld_x + k + c] : static_cast<unsigned short>(0);
  }
}

// Rows k.. and columns column.. of a weight matrix, as [k][n] whichever way it lies in memory. Neighbouring threads
// read neighbouring elements of memory.
template <KernelConfig C>
__device__ __forceinline__ void load_weight(unsigned short (&tile)[C.tile.k][C.tile.n + kSimtPad], const void* weight,
                                            long long ld, int k, int column) {
  constexpr bool kRowsAreK = C.problem.layout == Layout::kn;
  constexpr int kInner = kRowsAreK ? C.tile.n : C.tile.k;
  const unsigned short* w = static_cast<const unsigned short*>(weight);
  for (int i = static_cast<int>(threadIdx.x); i < C.tile.k * C.tile.n; i += threads(C)) {
    const int kk = kRowsAreK ? i / kInner : i % kInner;
    const int n = kRowsAreK ? i % kInner : i / kInner;
    const bool inside = kk < C.problem.d_model - k && n < C.problem.d_intermediate - column;
    const long long k_index = static_cast<long long>(k) + kk;
    const long long n_index = static_cast<long long>(column) + n;
    const long long index = kRowsAreK ? k_index * ld + n_index : n_index * ld + k_index;
    tile[kk][n] = inside ? w[index] : static_cast<unsigned short>(0);
  }
}

template <KernelConfig C>
__device__ __forceinline__ void store(const ForwardParams& params, long long row, long long column, float g, float u) {
  constexpr DType kDType = C.problem.dtype;
  if (row >= params.m || column >= C.problem.d_intermediate) {
    return;
  }
  static_cast<unsigned short*>(params.out)[row * params.ld_out + column] = from_float<kDType>(gate(g, u));
  if constexpr (C.problem.pass == Pass::forward_store) {
    static_cast<unsigned short*>(params.g)[row * params.ld_g + column] = from_float<kDType>(g);
    static_cast<unsigned short*>(params.u)[row * params.ld_u + column] = from_float<kDType>(u);
  }
}

template <KernelConfig C>
__device__ __forceinline__ void forward(const ForwardParams& params) {
  static_assert(why_invalid(C) == nullptr, "not a valid configuration: see why_invalid() in swiglu/config.h");
  static_assert(sizeof(SharedTiles<C>) == shared_bytes(C));
  constexpr int kRows = C.tile.m / kSimtThreadsM;     // of this thread
  constexpr int kColumns = C.tile.n / kSimtThreadsN;  // of this thread, in each half
  SharedTiles<C>& tiles = *reinterpret_cast<SharedTiles<C>*>(ptx::dynamic_shared());
  const int thread_column = static_cast<int>(threadIdx.x) % kSimtThreadsN;
  const int first_row = static_cast<int>(threadIdx.x) / kSimtThreadsN * kRows;
  const TileOrigin origin = tile_origin<C>(blockIdx.x, params.m);

  Sum<C.problem> g[kRows][kColumns];
  Sum<C.problem> u[kRows][kColumns];
  for (long long k = 0; k < C.problem.d_model; k += C.tile.k) {
    load_x<C>(tiles, params, origin.row, static_cast<int>(k));
    load_weight<C>(tiles.gate, params.w_gate, params.ld_w_gate, static_cast<int>(k), origin.column);
    load_weight<C>(tiles.up, params.w_up, params.ld_w_up, static_cast<int>(k), origin.column);
    __syncthreads();
    for (int kk = 0; kk < C.tile.k; ++kk) {
      for (int i = 0; i < kRows; ++i) {
        for (int j = 0; j < kColumns; ++j) {
          const unsigned short x = tiles.x[first_row + i][kk];
          g[i][j].add_product(x, tiles.gate[kk][thread_column + j * kSimtThreadsN]);
          u[i][j].add_product(x, tiles.up[kk][thread_column + j * kSimtThreadsN]);
        }
      }
    }
    const bool chunk_ends = (k + C.tile.k) % kPromotionK == 0;
    for (int i = 0; chunk_ends && i < kRows; ++i) {
      for (int j = 0; j < kColumns; ++j) {
        g[i][j].end_chunk();
        u[i][j].end_chunk();
      }
    }
    __syncthreads();
  }

  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) {
      const long long column = static_cast<long long>(origin.column) + thread_column + j * kSimtThreadsN;
      store<C>(params, origin.row + first_row + i, column, g[i][j].value(), u[i][j].value());
    }
  }
}

}  // namespace swiglu::simt
