// Which matrices a pass multiplies (swiglu/problem.h) and which part of the result a block computes, out of the
// arguments of a launch.
#pragma once

#include "swiglu/config.h"
#include "swiglu/params.h"
#include "swiglu/raster.cuh"

namespace swiglu {

struct Matrix {
  const void* base;
  long long ld;  // elements
};

template <Problem P>
__device__ __forceinline__ Matrix operand_a(const ForwardParams& params, int /*segment*/) {
  return {params.x, params.ld_x};
}

template <Problem P>
__device__ __forceinline__ Matrix operand_b(const ForwardParams& params, int /*segment*/, int half) {
  return half == 0 ? Matrix{params.w_gate, params.ld_w_gate} : Matrix{params.w_up, params.ld_w_up};
}

template <Problem P>
__device__ __forceinline__ Matrix operand_a(const BackwardParams& params, int segment) {
  if constexpr (P.pass == Pass::dx) {
    return {segment == 0 ? params.dg : params.du, params.ld_dg};
  } else {
    return {params.x, params.ld_x};
  }
}

template <Problem P>
__device__ __forceinline__ Matrix operand_b(const BackwardParams& params, int segment, int half) {
  if constexpr (is_dw(P.pass)) {
    return {P.pass == Pass::dw && half == 1 ? params.du : params.dg, params.ld_dg};
  } else {
    const bool gate = P.pass == Pass::dx ? segment == 0 : half == 0;
    return gate ? Matrix{params.w_gate, params.ld_w_gate} : Matrix{params.w_up, params.ld_w_up};
  }
}

// From the columns of the first half to those of a half, in its own matrix.
template <KernelConfig C>
__device__ __forceinline__ constexpr int half_offset(int half) {
  return product(C.problem).halves == Halves::columns ? half * C.tile.n : 0;
}

// What a block computes: a tile, over a range of k.
struct Work {
  TileOrigin origin;
  long long first_k;
  int depth;  // of each segment
  int split;
};

// Blocks that walk tiles, of a kernel whose blocks do.
template <KernelConfig C, typename Params>
__device__ __forceinline__ unsigned walkers(const Params& params) {
  if constexpr (has_gradients_ahead(C.problem.pass)) {
    return params.walkers;
  } else {
    return gridDim.x;
  }
}

template <KernelConfig C, typename Params>
__device__ __forceinline__ Work work_of(const Params& params, unsigned block) {
  if constexpr (is_dw(C.problem.pass)) {
    constexpr unsigned kTiles = static_cast<unsigned>(tiles(C, 0));  // of a split
    const unsigned split = block / kTiles;
    const long long first = static_cast<long long>(split) * params.split_tokens;
    const long long left = params.m - first;
    return {tile_origin<C>(block - split * kTiles, params.m, walkers<C>(params)), first,
            left < params.split_tokens ? static_cast<int>(left) : params.split_tokens, static_cast<int>(split)};
  } else {
    return {tile_origin<C>(block, params.m, walkers<C>(params)), 0,
            static_cast<int>(extent(C.problem, product(C.problem).depth, 0)), 0};
  }
}

// Rows of the tile that are inside.
template <KernelConfig C>
__device__ __forceinline__ int rows_left(const Work& work, long long m) {
  const long long left = extent(C.problem, product(C.problem).rows, m) - work.origin.row;
  return left < C.tile.m ? static_cast<int>(left) : C.tile.m;
}

}  // namespace swiglu
