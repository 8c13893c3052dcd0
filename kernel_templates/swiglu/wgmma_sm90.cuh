// The tensor-core kernel of sm_90a: wgmma fed by the tensor memory accelerator through a ring of stages.
//
// Roles. The producer, one thread of the last warpgroup, fills stage after stage. The consumers, two warpgroups,
// multiply straight out of shared memory and store. In ping-pong each owns a whole tile: while one computes, the other
// applies the gate and stores, in turns. Cooperatively both work on one tile, and its epilogue is not hidden. Blocks
// stay, one to a multiprocessor, and walk tiles gridDim.x apart.
//
// Operands. As they lie in memory, never transposed: x rows are operand A and gate|up side by side are B, so that g and
// u of an element are in the same thread; or, swapped, 64 columns of gate and the same of up are two blocks of A and x
// is B, which leaves out transposed in the registers and g and u again in the same thread.
//
//   stage   x [tile.m][64], then gate and up, in layout nk [tile.n][64] each, in kn [tile.n / 64] atoms of [64 k][64 n]
//
// Every sum adds its products in steps of 16 with increasing k, whatever the tile.
#pragma once

#include "ptx/grid_dependency.cuh"
#include "ptx/named_barrier.cuh"
#include "ptx/shared.cuh"
#include "ptx/tma.cuh"
#include "ptx/warpgroup.cuh"
#include "swiglu/activation.cuh"
#include "swiglu/config.h"
#include "swiglu/element.cuh"
#include "swiglu/params.h"
#include "swiglu/raster.cuh"
#include "swiglu/ring.cuh"
#include "swiglu/shared_operand.cuh"
#include "swiglu/staged_store.cuh"
#include "swiglu/wgmma_accumulators.cuh"

namespace swiglu::wgmma_sm90 {

template <KernelConfig C>
struct Stage {
  unsigned short x[C.tile.m * C.tile.k];
  unsigned short gate[C.tile.n * C.tile.k];
  unsigned short up[C.tile.n * C.tile.k];
};

template <KernelConfig C>
struct SharedStorage {
  Stage<C> ring[C.tile.stages];
  unsigned short staging[consumer_warpgroups(C.tile)][staging_elements(C)];
  unsigned long long barriers[2 * C.tile.stages];
};

template <KernelConfig C>
struct Shape {
  static constexpr bool kPingPong = is_ping_pong(C.tile);
  static constexpr bool kSwapped = is_swapped(C.tile);
  static constexpr bool kWeightsMnMajor = C.problem.layout == Layout::kn;
  static constexpr int kConsumers = consumer_warpgroups(C.tile);
  static constexpr int kStages = static_cast<int>(ceil_div(C.problem.d_model, C.tile.k));  // that a tile takes
  static constexpr int kBlocks = kSwapped ? 2 : C.tile.m / (C.tile.warps_m * 16);          // of A, for a warpgroup
  static constexpr int kN = kSwapped ? C.tile.m : 2 * C.tile.n;                            // columns of B

  using Sums = WgmmaAccumulators<C.problem.dtype, C.problem.accum, kBlocks, kN>;
};

// Tiles from the block's `first` on; every tile of the launch is walked by one block.
template <KernelConfig C>
struct TileWalk {
  unsigned tile;
  unsigned step;
  unsigned end;

  __device__ __forceinline__ TileWalk(long long m, unsigned turn, unsigned turns)
      : tile(blockIdx.x + turn * gridDim.x), step(turns * gridDim.x), end(static_cast<unsigned>(tiles(C, m))) {}

  __device__ __forceinline__ bool more() const { return tile < end; }
  __device__ __forceinline__ void advance() { tile += step; }
};

// By one thread.
template <KernelConfig C>
__device__ __forceinline__ void produce(const TmaForwardParams& params, const Ring<C.tile.stages>& ring) {
  constexpr int kHalfBoxes = Shape<C>::kWeightsMnMajor ? C.tile.n / kSwizzledElements : 1;
  constexpr unsigned kHalfBytes = sizeof(Stage<C>::gate);
  constexpr unsigned kBoxBytes = kHalfBytes / kHalfBoxes;
  ptx::tma_prefetch(params.x);
  ptx::tma_prefetch(params.w_gate);
  ptx::tma_prefetch(params.w_up);
  ptx::grid_dependency_wait();
  RingPosition<C.tile.stages> position;
  for (TileWalk<C> walk(params.m, 0, 1); walk.more(); walk.advance()) {
    const TileOrigin origin = tile_origin<C>(walk.tile, params.m);
#pragma unroll 1
    for (int k = 0; k < Shape<C>::kStages * C.tile.k; k += C.tile.k) {
      const unsigned barrier = ring.acquire(position);
      const unsigned stage = ring.address(position);
      const unsigned weights = stage + sizeof(Stage<C>::x);
      ptx::tma_load(stage, params.x, k, static_cast<int>(origin.row), barrier);
#pragma unroll
      for (int box = 0; box < kHalfBoxes; ++box) {
        const unsigned gate = weights + static_cast<unsigned>(box) * kBoxBytes;
        const int column = origin.column + box * kSwizzledElements;
        if constexpr (Shape<C>::kWeightsMnMajor) {
          ptx::tma_load(gate, params.w_gate, column, k, barrier);
          ptx::tma_load(gate + kHalfBytes, params.w_up, column, k, barrier);
        } else {
          ptx::tma_load(gate, params.w_gate, k, column, barrier);
          ptx::tma_load(gate + kHalfBytes, params.w_up, k, column, barrier);
        }
      }
      position.advance();
    }
  }
  ptx::grid_dependency_launch();
}

template <KernelConfig C>
class Consumer {
  using S = Shape<C>;
  static constexpr int kFirstTurnBarrier = 1;  // kConsumers of them
  static constexpr int kFirstStoreBarrier = kFirstTurnBarrier + S::kConsumers;

 public:
  __device__ __forceinline__ Consumer(const TmaForwardParams& params, const Ring<C.tile.stages>& ring, unsigned staging,
                                      int warpgroup)
      : params_(params),
        ring_(ring),
        output_(staging + static_cast<unsigned>(warpgroup * staging_elements(C) * kElementBytes),
                kFirstStoreBarrier + warpgroup),
        warpgroup_(warpgroup) {}

  __device__ __forceinline__ void run() {
    if constexpr (S::kPingPong) {
      if (warpgroup_ == 1) {
        position_.template skip<S::kStages>();
        pass_turn(0);
      }
    }
    TileWalk<C> walk(params_.m, S::kPingPong ? static_cast<unsigned>(warpgroup_) : 0u, S::kPingPong ? 2 : 1);
    for (; walk.more(); walk.advance()) {
      if constexpr (S::kPingPong) {
        ptx::barrier_sync<2 * kWarpgroupThreads>(kFirstTurnBarrier + warpgroup_);
      }
      const unsigned last_stage = multiply();
      if constexpr (S::kPingPong) {
        if (walk.tile + gridDim.x < walk.end) {  // else the other has had its last turn
          pass_turn(1 - warpgroup_);
        }
        position_.template skip<S::kStages>();
      }
      sums_.drain();
      if constexpr (kPending > 0) {
        release(last_stage);
      }
      store(tile_origin<C>(walk.tile, params_.m));
    }
    output_.finish();
  }

 private:
  static constexpr bool kSwapped = S::kSwapped;
  // Stages left unfinished while the next is issued. In ping-pong nobody else keeps the tensor cores busy meanwhile.
  static constexpr int kPending = S::kPingPong ? S::Sums::kMostPending : 0;

  __device__ __forceinline__ void pass_turn(int warpgroup) const {
    ptx::barrier_arrive<2 * kWarpgroupThreads>(kFirstTurnBarrier + warpgroup);
  }

  // Issues the products of one tile. Returns the last stage, which is still being read if kPending is not 0.
  __device__ __forceinline__ unsigned multiply() {
    unsigned before = position_.stage;
    sums_.begin();
#pragma unroll 1
    for (int i = 0; i < S::kStages; ++i) {
      ring_.wait_full(position_);
      multiply_stage(ring_.address(position_));
      sums_.template finish<kPending>();
      if (kPending == 0) {
        release(position_.stage);
      } else if (i > 0) {
        release(before);
      }
      before = position_.stage;
      position_.advance();
    }
    return before;
  }

  // Each warp for itself: its own products have read the stage.
  __device__ __forceinline__ void release(unsigned stage) const {
    if (threadIdx.x % kWarpThreads == 0) {
      ring_.release(stage);
    }
  }

  __device__ __forceinline__ void multiply_stage(unsigned stage) {
    constexpr unsigned kXBytes = sizeof(Stage<C>::x);
    constexpr unsigned kHalfBytes = sizeof(Stage<C>::gate);
    const unsigned share = S::kPingPong ? 0 : static_cast<unsigned>(warpgroup_);
    const unsigned a =
        kSwapped ? stage + kXBytes + share * kOperandBlockBytes : stage + share * (S::kBlocks * kOperandBlockBytes);
    const unsigned b = kSwapped ? stage : stage + kXBytes;
    constexpr unsigned kBlockBytes = kSwapped ? kHalfBytes : kOperandBlockBytes;
    constexpr bool kTransA = kSwapped && S::kWeightsMnMajor;
    constexpr bool kTransB = !kSwapped && S::kWeightsMnMajor;
    sums_.start();
#pragma unroll
    for (int step = 0; step < C.tile.k / 16; ++step) {
#pragma unroll
      for (int block = 0; block < S::kBlocks; ++block) {
        sums_.template multiply<kTransA, kTransB>(
            block, shared_operand<kTransA>(a + static_cast<unsigned>(block) * kBlockBytes, static_cast<unsigned>(step)),
            shared_operand<kTransB>(b, static_cast<unsigned>(step)), step);
      }
    }
  }

  // The gate, and what of the tile is this warpgroup's to store.
  __device__ __forceinline__ void store(TileOrigin origin) {
    constexpr int kGroups = StagedStore<C>::kGroups;
    constexpr int kRounds = kSwapped ? C.tile.m / output_box(C).rows : S::kBlocks;
    const int share = S::kPingPong ? 0 : warpgroup_;
#pragma unroll
    for (int round = 0; round < kRounds; ++round) {
      const int gate_block = kSwapped ? 0 : round;
      const int up_block = kSwapped ? 1 : round;
      const int gate_group = kSwapped ? round * kGroups : 0;
      const int up_group = kSwapped ? round * kGroups : kGroups;
      const auto gated = [&](int j, int e) {
        return gate(sums_.value(gate_block, gate_group + j, e), sums_.value(up_block, up_group + j, e));
      };
      const int row = static_cast<int>(origin.row) +
                      (kSwapped ? round * output_box(C).rows : (share * kRounds + round) * kWgmmaRows);
      const int column = origin.column + (kSwapped ? share * kWgmmaRows : 0);
      store_round(params_.out, row, column,
                  [&](int j, int e) { return pack<C.problem.dtype>(gated(j, e), gated(j, e + 1)); });
      if constexpr (C.problem.pass == Pass::forward_store) {
        store_round(params_.g, row, column, [&](int j, int e) { return sums_.packed(gate_block, gate_group + j, e); });
        store_round(params_.u, row, column, [&](int j, int e) { return sums_.packed(up_block, up_group + j, e); });
      }
    }
  }

  template <typename Value>
  __device__ __forceinline__ void store_round(const TensorMap& map, int row, int column, Value value) {
    output_.begin();
    sums_.hold();  // or the compiler would compute values before, for which registers would not do
    output_.stage(value);
    output_.send(map, row, column);
  }

  const TmaForwardParams& params_;
  const Ring<C.tile.stages>& ring_;
  StagedStore<C> output_;
  int warpgroup_;
  RingPosition<C.tile.stages> position_;
  typename S::Sums sums_;
};

template <KernelConfig C>
__device__ __forceinline__ void forward(const TmaForwardParams& params) {
  static_assert(why_invalid(C) == nullptr);
  static_assert(C.family == Family::wgmma_sm90);
  static_assert(sizeof(SharedStorage<C>) == shared_bytes(C));
  static_assert(sizeof(Stage<C>) % kSharedAlignment == 0 && sizeof(Stage<C>::x) % kSharedAlignment == 0 &&
                    sizeof(Stage<C>::gate) % kSharedAlignment == 0,
                "what is swizzled is aligned");
  constexpr int kConsumers = Shape<C>::kConsumers;
  constexpr unsigned kReaders = (Shape<C>::kPingPong ? 1 : kConsumers) * kWarpgroupWarps;

  const unsigned shared = ptx::shared_address(ptx::dynamic_shared());
  const unsigned staging = shared + sizeof(SharedStorage<C>::ring);
  const Ring<C.tile.stages> ring(shared, sizeof(Stage<C>), staging + sizeof(SharedStorage<C>::staging));
  if (threadIdx.x == 0) {
    ring.initialise(kReaders);
  }
  __syncthreads();

  // From lane 0, so that the compiler knows it to be the same in all of a warp.
  const int warpgroup = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / kWarpgroupThreads, 0);
  if (warpgroup == kConsumers) {
    ptx::warpgroup_decrease_registers<kProducerRegisters>();
    if (threadIdx.x == kConsumers * kWarpgroupThreads) {
      produce<C>(params, ring);
    }
  } else {
    ptx::warpgroup_increase_registers<kConsumerRegisters>();
    Consumer<C>(params, ring, staging, warpgroup).run();
  }
}

}  // namespace swiglu::wgmma_sm90
