// The plain kernel: any shape, alignment, type, accumulator and layout, on every architecture. Read this one first; it
// is what the faster kernels are checked against, and what serves a problem that none of them takes.
//
// A block of 16 x 16 threads computes tile.m x tile.n of both halves of a product (swiglu/problem.h), for the forward
// pass of `out`. It walks k in steps of tile.k: the tiles of A and of both halves of B go to shared memory (zeros
// beyond the edges), then each thread multiplies its rows and columns out of there. Thread (row, column) owns a run of
// neighbouring rows and every 16th column, so that a warp stores neighbouring columns. Every sum runs over increasing
// k, segment after segment.
#pragma once

#include "ptx/math.cuh"
#include "ptx/shared.cuh"
#include "swiglu/activation.cuh"
#include "swiglu/config.h"
#include "swiglu/element.cuh"
#include "swiglu/operands.cuh"
#include "swiglu/params.h"
#include "swiglu/validity.h"

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

  // After kPromotionK products, and at the end of a segment.
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
  unsigned short a[C.tile.m][C.tile.k + kSimtPad];
  unsigned short b[2][C.tile.k][C.tile.n + kSimtPad];
};

// Rows row.. and columns k.. of A, of which rows_left and k_left are inside, as [m][k] whichever way it lies in memory.
// Neighbouring threads read neighbouring elements of memory.
template <KernelConfig C>
__device__ __forceinline__ void load_a(SharedTiles<C>& tiles, const Matrix& matrix, long long row, long long k,
                                       int rows_left, int k_left) {
  constexpr bool kRowsAreK = product(C.problem).a == Major::mn;
  constexpr int kInner = kRowsAreK ? C.tile.m : C.tile.k;
  const unsigned short* a = static_cast<const unsigned short*>(matrix.base);
  for (int i = static_cast<int>(threadIdx.x); i < C.tile.m * C.tile.k; i += threads(C)) {
    const int r = kRowsAreK ? i % kInner : i / kInner;
    const int kk = kRowsAreK ? i / kInner : i % kInner;
    const bool inside = r < rows_left && kk < k_left;
    const long long index = kRowsAreK ? (k + kk) * matrix.ld + row + r : (row + r) * matrix.ld + k + kk;
    tiles.a[r][kk] = inside ? a[index] : static_cast<unsigned short>(0);
  }
}

// Rows k.. and columns column.. of one half of B, as [k][n] whichever way it lies in memory.
template <KernelConfig C>
__device__ __forceinline__ void load_b(unsigned short (&tile)[C.tile.k][C.tile.n + kSimtPad], const Matrix& matrix,
                                       long long k, long long column, int k_left, int columns_left) {
  constexpr bool kRowsAreK = product(C.problem).b == Major::mn;
  constexpr int kInner = kRowsAreK ? C.tile.n : C.tile.k;
  const unsigned short* b = static_cast<const unsigned short*>(matrix.base);
  for (int i = static_cast<int>(threadIdx.x); i < C.tile.k * C.tile.n; i += threads(C)) {
    const int kk = kRowsAreK ? i / kInner : i % kInner;
    const int n = kRowsAreK ? i % kInner : i / kInner;
    const bool inside = kk < k_left && n < columns_left;
    const long long index = kRowsAreK ? (k + kk) * matrix.ld + column + n : (column + n) * matrix.ld + k + kk;
    tile[kk][n] = inside ? b[index] : static_cast<unsigned short>(0);
  }
}

// What is stored of one element of both halves; row and column are of the first half.
template <KernelConfig C>
__device__ __forceinline__ void store(const ForwardParams& params, const Work& /*work*/, long long row,
                                      long long column, float g, float u) {
  constexpr DType kDType = C.problem.dtype;
  if (column >= C.problem.d_intermediate) {
    return;
  }
  static_cast<unsigned short*>(params.out)[row * params.ld_out + column] = from_float<kDType>(gate(g, u));
  if constexpr (C.problem.pass == Pass::forward_store) {
    static_cast<unsigned short*>(params.g)[row * params.ld_g + column] = from_float<kDType>(g);
    static_cast<unsigned short*>(params.u)[row * params.ld_u + column] = from_float<kDType>(u);
  }
}

// One element of dWg or dWu, or of a split's part of it.
template <KernelConfig C>
__device__ __forceinline__ void store_weight_gradient(const BackwardParams& params, const Work& work, bool second,
                                                      long long row, long long column, float sum) {
  constexpr bool kTransposed = product(C.problem).transposed;
  const long long r = kTransposed ? column : row;
  const long long c = kTransposed ? row : column;
  if (params.splits > 1) {
    constexpr int kMatrices = C.problem.pass == Pass::dw ? 2 : 1;
    const long long part = static_cast<long long>(work.split) * kMatrices + (second ? 1 : 0);
    params.partials[(part * weight_rows(C.problem) + r) * params.ld_partials + c] = sum;
    return;
  }
  void* const matrix = second ? params.dw_up : params.dw_gate;
  const long long index = r * (second ? params.ld_dw_up : params.ld_dw_gate) + c;
  if constexpr (C.problem.gradient == Gradient::f32) {
    float* const at = static_cast<float*>(matrix) + index;
    *at = params.accumulate != 0 ? *at + sum : sum;
  } else {
    constexpr DType kDType = C.problem.dtype;
    unsigned short* const at = static_cast<unsigned short*>(matrix) + index;
    *at = from_float<kDType>(params.accumulate != 0 ? to_float<kDType>(*at) + sum : sum);
  }
}

template <KernelConfig C>
__device__ __forceinline__ void store(const BackwardParams& params, const Work& work, long long row, long long column,
                                      float first, float second) {
  constexpr DType kDType = C.problem.dtype;
  constexpr Pass kPass = C.problem.pass;
  if constexpr (kPass == Pass::recompute) {
    if (column < C.problem.d_intermediate) {
      const unsigned short dout = static_cast<const unsigned short*>(params.dout)[row * params.ld_dout + column];
      const GateGradient gradient = gate_gradient(first, second, to_float<kDType>(dout));
      static_cast<unsigned short*>(params.dg)[row * params.ld_dg + column] = from_float<kDType>(gradient.dg);
      static_cast<unsigned short*>(params.du)[row * params.ld_dg + column] = from_float<kDType>(gradient.du);
    }
    return;
  }
  for (int half = 0; half < 2; ++half) {
    const long long at = column + half_offset<C>(half);
    const float sum = half == 0 ? first : second;
    if (at >= product_columns(C.problem)) {
      continue;
    }
    if constexpr (kPass == Pass::dx) {
      static_cast<unsigned short*>(params.dx)[row * params.ld_dx + at] = from_float<kDType>(sum);
    } else {
      store_weight_gradient<C>(params, work, kPass == Pass::dw && half == 1, row, at, sum);
    }
  }
}

template <KernelConfig C, typename Params>
__device__ __forceinline__ void run(const Params& params) {
  static_assert(why_invalid(C) == nullptr, "not a valid configuration: see swiglu/validity.h");
  static_assert(sizeof(SharedTiles<C>) == shared_bytes(C));
  constexpr int kRows = C.tile.m / kSimtThreadsM;     // of this thread
  constexpr int kColumns = C.tile.n / kSimtThreadsN;  // of this thread, in each half
  SharedTiles<C>& tiles = *reinterpret_cast<SharedTiles<C>*>(ptx::dynamic_shared());
  const int thread_column = static_cast<int>(threadIdx.x) % kSimtThreadsN;
  const int first_row = static_cast<int>(threadIdx.x) / kSimtThreadsN * kRows;
  const Work work = work_of<C>(params, blockIdx.x);
  const int rows_inside = rows_left<C>(work, params.m);
  const int columns_inside = product_columns(C.problem) - work.origin.column;

  Sum<C.problem> sums[2][kRows][kColumns];
  for (int segment = 0; segment < product(C.problem).segments; ++segment) {
    for (int k = 0; k < work.depth; k += C.tile.k) {
      load_a<C>(tiles, operand_a<C.problem>(params, segment), work.origin.row, work.first_k + k, rows_inside,
                work.depth - k);
      for (int half = 0; half < 2; ++half) {
        load_b<C>(tiles.b[half], operand_b<C.problem>(params, segment, half), work.first_k + k,
                  work.origin.column + half_offset<C>(half), work.depth - k, columns_inside - half_offset<C>(half));
      }
      __syncthreads();
      for (int kk = 0; kk < C.tile.k; ++kk) {
        for (int i = 0; i < kRows; ++i) {
          for (int j = 0; j < kColumns; ++j) {
            const unsigned short a = tiles.a[first_row + i][kk];
            sums[0][i][j].add_product(a, tiles.b[0][kk][thread_column + j * kSimtThreadsN]);
            sums[1][i][j].add_product(a, tiles.b[1][kk][thread_column + j * kSimtThreadsN]);
          }
        }
      }
      const bool chunk_ends = (k + C.tile.k) % kPromotionK == 0 || k + C.tile.k >= work.depth;
      for (int i = 0; chunk_ends && i < kRows; ++i) {
        for (int j = 0; j < kColumns; ++j) {
          sums[0][i][j].end_chunk();
          sums[1][i][j].end_chunk();
        }
      }
      __syncthreads();
    }
  }

  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) {
      if (first_row + i < rows_inside) {
        store<C>(params, work, work.origin.row + first_row + i,
                 static_cast<long long>(work.origin.column) + thread_column + j * kSimtThreadsN, sums[0][i][j].value(),
                 sums[1][i][j].value());
      }
    }
  }
}

template <KernelConfig C>
__device__ __forceinline__ void forward(const ForwardParams& params) {
  run<C>(params);
}

template <KernelConfig C>
__device__ __forceinline__ void backward(const BackwardParams& params) {
  run<C>(params);
}

}  // namespace swiglu::simt
