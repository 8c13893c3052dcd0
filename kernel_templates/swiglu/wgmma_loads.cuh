// What fills the ring of family wgmma_sm90, box by box: a producer, or beside the largest sums, which leave no
// registers for one, a consumer's warp. Stages come in the order in which the block's tiles multiply them; one is
// loaded when all who read what it held have released it.
#pragma once

#include "ptx/cluster.cuh"
#include "ptx/elect.cuh"
#include "ptx/grid_dependency.cuh"
#include "ptx/tma.cuh"
#include "swiglu/config.h"
#include "swiglu/gradients_ahead.cuh"
#include "swiglu/lockstep.cuh"
#include "swiglu/operands.cuh"
#include "swiglu/params.h"
#include "swiglu/ring.cuh"
#include "swiglu/wgmma_shape.cuh"

namespace swiglu::wgmma_sm90 {

// `rows` of an operand from `row` on, and 64 of k, to a stage; `evict_first`: what is to leave the L2 cache first.
template <KernelConfig C, Major kMajor, int kRows>
__device__ __forceinline__ void load_operand(unsigned to, const TensorMap& map, int row, int k, unsigned barrier,
                                             bool evict_first) {
  constexpr int kBoxes = boxes(kMajor, kRows);
  constexpr unsigned kBoxBytes = kRows / kBoxes * C.tile.k * kElementBytes;
#pragma unroll
  for (int box = 0; box < kBoxes; ++box) {
    const unsigned to_box = to + static_cast<unsigned>(box) * kBoxBytes;
    const int first = row + box * kSwizzledElements;
    const int x = kMajor == Major::k ? k : first;
    const int y = kMajor == Major::k ? first : k;
    if (evict_first) {
      ptx::tma_load_evict_first(to_box, map, x, y, barrier);
    } else {
      ptx::tma_load(to_box, map, x, y, barrier);
    }
  }
}

// Operand A where blocks can come in clusters, in as many boxes: one of them for all blocks, or all for this block.
template <KernelConfig C>
__device__ __forceinline__ void load_in_cluster(const TmaParams& params, unsigned to, int row, int k,
                                                unsigned barrier) {
  static_assert(Shape<C>::kProduct.a == Major::k && Shape<C>::kProduct.segments == 1);
  constexpr int kBlocks = most_cluster_blocks(C);
  constexpr int kRows = a_box(C).rows;
  constexpr unsigned kBytes = kRows * C.tile.k * kElementBytes;
  if (cluster_blocks(C, params.m) > 1) {
    ptx::tma_load_in_cluster<kBlocks>(to, params.a[0], k, row, kRows, kBytes, barrier);
    return;
  }
#pragma unroll
  for (int box = 0; box < kBlocks; ++box) {
    ptx::tma_load(to + static_cast<unsigned>(box) * kBytes, params.a[0], k, row + box * kRows, barrier);
  }
}

// A stage of the tile at `origin`, of a segment's k and those after it; `b_leaves_first`: before A, the L2 cache.
template <KernelConfig C>
__device__ __forceinline__ void load_stage(const TmaParams& params, unsigned stage, unsigned barrier, int segment,
                                           const TileOrigin& origin, int k, bool b_leaves_first) {
  constexpr Product kProduct = Shape<C>::kProduct;
  constexpr unsigned kABytes = sizeof(Stage<C>::a);
  constexpr unsigned kHalfBytes = sizeof(Stage<C>::b[0]);
  if constexpr (most_cluster_blocks(C) > 1) {
    load_in_cluster<C>(params, stage, static_cast<int>(origin.row), k, barrier);
  } else {
    load_operand<C, kProduct.a, C.tile.m>(stage, params.a[segment], static_cast<int>(origin.row), k, barrier, false);
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    load_operand<C, kProduct.b, stored_columns(C)>(stage + kABytes + static_cast<unsigned>(half) * kHalfBytes,
                                                   params.b[kProduct.halves == Halves::matrices ? half : segment],
                                                   origin.column + half_offset<C>(half), k, barrier, b_leaves_first);
  }
}

template <KernelConfig C>
__device__ __forceinline__ void prefetch_maps(const TmaParams& params) {
  constexpr Product kProduct = Shape<C>::kProduct;
  ptx::tma_prefetch(params.a[0]);
  ptx::tma_prefetch(params.b[0]);
  if constexpr (kProduct.halves == Halves::matrices || kProduct.segments == 2) {
    ptx::tma_prefetch(params.b[1]);
  }
}

// Where neighbours share enough, and are not all waiting for memory. In ping-pong the ring is hardly ahead of its
// readers, who keep step themselves.
template <KernelConfig C>
__device__ __forceinline__ bool loads_in_step(const TmaParams& params) {
  return !Shape<C>::kPingPong && stages_of<C>(work_of<C>(params, 0)) >= kLeastStages &&
         tiles_m(C, params.m) >= static_cast<long long>(kBand) && clock_is_fine();
}

// Where there are rows to be kept: of few, each is read while the weights go by once.
template <KernelConfig C>
__device__ __forceinline__ bool weights_leave_first(const TmaParams& params) {
  return keeps_rows_in_cache(C) && tiles_m(C, params.m) >= static_cast<long long>(kBand);
}

// By one thread.
template <KernelConfig C>
__device__ __forceinline__ void produce(const TmaParams& params, const Ring<C.tile.stages>& ring) {
  prefetch_maps<C>(params);
  const bool in_step = loads_in_step<C>(params);
  const bool in_pairs = loads_in_pairs(C, params.m);
  const bool b_leaves_first = weights_leave_first<C>(params);
  ptx::grid_dependency_wait();
  LoadLockstep<static_cast<unsigned>(stage_clocks(C))> lockstep(in_step);
  RingPosition<C.tile.stages> position;
  GradientsAwaited<C> gradients(params);
  for (TileWalk<C> walk(params, 0, 1); walk.more(); walk.advance()) {
    const Work work = work_of<C>(params, walk.tile);
    const int first_k = static_cast<int>(work.first_k);
    gradients.begin(work.origin.row);
#pragma unroll
    for (int segment = 0; segment < Shape<C>::kProduct.segments; ++segment) {
#pragma unroll 1
      for (int k = first_k; k < first_k + work.depth; k += C.tile.k) {
        if (in_pairs && k % (2 * C.tile.k) == 0) {
          ring.wait_next_empty(position);
        }
        gradients.wait(k);
        const unsigned barrier = ring.acquire(position);
        lockstep.wait();
        load_stage<C>(params, ring.address(position), barrier, segment, work.origin, k, b_leaves_first);
        lockstep.next();
        position.advance();
      }
    }
  }
  if (lets_next_begin_early<C>(params)) {
    ptx::grid_dependency_launch();
  }
}

// What a consumer loads: nothing beside a producer,
template <KernelConfig C, bool kAny = !has_producer(C)>
class OwnLoads {
 public:
  __device__ __forceinline__ OwnLoads(const TmaParams& /*params*/, const Ring<C.tile.stages>& /*ring*/, bool /*on*/) {}
  __device__ __forceinline__ void begin() const {}
  __device__ __forceinline__ void next() const {}
};

// and else the stages of all tiles in their order. begin() before the first is multiplied, then next() for each, when
// its products have been issued: it loads into the stage before, whose products are done. By all threads; `on` in one
// warp of one consumer.
template <KernelConfig C>
class OwnLoads<C, true> {
  static_assert(Shape<C>::kProduct.segments == 1 && !is_dw(C.problem.pass), "all tiles are as deep, from k = 0 on");
  static_assert(most_cluster_blocks(C) > 1, "begin() waits for the cluster");

 public:
  __device__ __forceinline__ OwnLoads(const TmaParams& params, const Ring<C.tile.stages>& ring, bool on)
      : params_(params), ring_(ring), on_(on), walk_(params, 0, 1), origin_{0, 0} {}

  __device__ __forceinline__ void begin() {
    if (on_) {
      prefetch_maps<C>(params_);
      ptx::grid_dependency_wait();
      begin_tile();
    }
    ptx::cluster_wait();  // for the barriers of the blocks that are loaded into
#pragma unroll 1
    for (int stage = 0; stage < C.tile.stages - 1; ++stage) {
      next();
    }
  }

  __device__ __forceinline__ void next() {
    if (!on_) {
      return;
    }
    if (ptx::elect_one()) {
      load_stage<C>(params_, ring_.address(position_), ring_.acquire(position_), 0, origin_, k_, false);
    }
    __syncwarp();
    position_.advance();
    k_ += C.tile.k;
    if (k_ >= kDepth) {
      walk_.advance();
      begin_tile();
    }
  }

 private:
  static constexpr int kDepth = static_cast<int>(extent(C.problem, Shape<C>::kProduct.depth, 0));

  __device__ __forceinline__ void begin_tile() {
    k_ = 0;
    on_ = walk_.more();
    if (on_) {
      origin_ = work_of<C>(params_, walk_.tile).origin;
    } else if (lets_next_begin_early<C>(params_)) {
      ptx::grid_dependency_launch();
    }
  }

  const TmaParams& params_;
  const Ring<C.tile.stages>& ring_;
  bool on_;
  TileWalk<C> walk_;
  TileOrigin origin_;
  int k_ = 0;
  RingPosition<C.tile.stages> position_;
};

}  // namespace swiglu::wgmma_sm90
