// What a kernel of family wgmma_sm90 is by its configuration: a stage of its ring, the instructions that multiply it,
// and the tiles that a block walks. Without state.
#pragma once

#include "swiglu/config.h"
#include "swiglu/operands.cuh"
#include "swiglu/params.h"
#include "swiglu/wgmma_accumulators.cuh"

namespace swiglu::wgmma_sm90 {

template <KernelConfig C>
struct Stage {
  unsigned short a[C.tile.m * C.tile.k];
  unsigned short b[2][stored_columns(C) * C.tile.k];
};

template <KernelConfig C>
struct Shape {
  static constexpr Product kProduct = product(C.problem);
  static constexpr bool kPingPong = is_ping_pong(C.tile);
  static constexpr bool kSwapped = is_swapped(C.tile);
  static constexpr int kConsumers = consumer_warpgroups(C.tile);
  static constexpr bool kApart = has_halves_apart(C);
  static constexpr int kRowBlocks = row_blocks(C.tile);
  static constexpr int kBlocks = sum_blocks(C);
  static constexpr int kN = kSwapped ? C.tile.m : kApart ? C.tile.n : 2 * C.tile.n;  // columns of B

  using Sums = WgmmaAccumulators<C.problem.dtype, C.problem.accum, kBlocks, kN>;
};

// Stages that a tile takes.
template <KernelConfig C>
__device__ __forceinline__ int stages_of(const Work& work) {
  return Shape<C>::kProduct.segments * static_cast<int>(ceil_div(work.depth, C.tile.k));
}

inline constexpr int kLeastStages = 16;  // of a tile, for blocks to keep step (swiglu/lockstep.cuh)

// Whether blocks of the next kernel may take the places of this one's one by one, as they fall free, which saves a
// microsecond or two. But then neighbours by number are not neighbours on the card, and read less of the same at the
// same time: of the products of the backward pass, which follow each other, more is lost by that
// (docs/measurements.md), but where few tokens are one row of tiles, of which nobody shares the weights. Else all the
// next one's blocks come when the last of this one's has left.
template <KernelConfig C>
__device__ __forceinline__ bool lets_next_begin_early(const TmaParams& params) {
  return is_forward(C.problem.pass) || tiles_m(C, params.m) == 1;
}

// Tiles from the block's `first` on; every tile of the launch is walked by one block.
template <KernelConfig C>
struct TileWalk {
  unsigned blocks;  // that walk tiles
  unsigned tile;
  unsigned step;
  unsigned end;

  __device__ __forceinline__ TileWalk(const TmaParams& params, unsigned turn, unsigned turns)
      : blocks(walkers<C>(params)),
        tile(blockIdx.x + turn * blocks),
        step(turns * blocks),
        end(static_cast<unsigned>(tiles(C, params.m)) *
            (is_dw(C.problem.pass) ? static_cast<unsigned>(params.splits) : 1u)) {}

  __device__ __forceinline__ bool more() const { return tile < end; }
  __device__ __forceinline__ void advance() { tile += step; }
};

}  // namespace swiglu::wgmma_sm90
