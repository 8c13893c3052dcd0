// The tensor-core kernel of sm_90a: wgmma fed by the tensor memory accelerator through a ring of stages.
//
// Roles. The producer, one thread of the last warpgroup, fills stage after stage. The consumers, two warpgroups,
// multiply straight out of shared memory and store. In ping-pong each owns a whole tile: while one computes, the other
// applies the gate and stores, in turns. Cooperatively both work on one tile, and its epilogue is not hidden. The
// producer's other warps compute in Pass::dgate_dx and dgate_dw what the product multiplies
// (swiglu/gradients_ahead.cuh); store warps, one for each consumer, send off what those of cooperative tiles stage
// (has_store_warps() in swiglu/shared_layout.h); else they have nothing to do. The largest tiles leave no registers for
// a producer, and a consumer's thread fills the ring (has_producer()); two such blocks, which multiply the same rows of
// A, each load one half of them into the rings of both (cluster_blocks()). Blocks stay, one to a multiprocessor, and
// walk tiles as far apart as there are blocks, in step where tiles are long (swiglu/lockstep.cuh). Those that have
// none, where gradients are computed ahead, do that with all their warps.
//
// Operands (swiglu/problem.h). As they lie in memory, never transposed: A of the product is operand A of the
// instruction and both halves of B side by side, or one after the other where they are more than it takes, are its B,
// so that g and u of an element are in the same thread; or, swapped, 64 columns of either half are two blocks of the
// instruction's A and the product's A is its B, which leaves the result transposed in the registers and g and u again
// in the same thread.
//
//   stage   A [tile.m][64], then both halves of B [tile.n][64]; of those whose rows or columns are contiguous in
//           memory atoms of [64 k][64], as many as stored_columns() says
//
// Every sum adds its products in steps of 16 with increasing k, segment after segment, whatever the tile.
#pragma once

#include "ptx/cluster.cuh"
#include "ptx/elect.cuh"
#include "ptx/grid_dependency.cuh"
#include "ptx/mbarrier.cuh"
#include "ptx/named_barrier.cuh"
#include "ptx/shared.cuh"
#include "ptx/warpgroup.cuh"
#include "swiglu/config.h"
#include "swiglu/gradients_ahead.cuh"
#include "swiglu/lockstep.cuh"
#include "swiglu/operands.cuh"
#include "swiglu/params.h"
#include "swiglu/ring.cuh"
#include "swiglu/shared_operand.cuh"
#include "swiglu/validity.h"
#include "swiglu/wgmma_loads.cuh"
#include "swiglu/wgmma_outputs.cuh"
#include "swiglu/wgmma_shape.cuh"

namespace swiglu::wgmma_sm90 {

template <KernelConfig C>
struct SharedStorage {
  Stage<C> ring[C.tile.stages];
  unsigned short staging[consumer_warpgroups(C.tile)][staging_elements(C)];
  unsigned long long barriers[swiglu::barriers(C)];  // of the ring, then of the consumers' slots
};

template <KernelConfig C>
class Consumer {
  using S = Shape<C>;
  static constexpr unsigned kTurns = S::kPingPong ? 2 : 1;  // consumers that take a block's tiles in turns
  static constexpr int kFirstTurnBarrier = 1;               // kConsumers of them
  static constexpr int kFirstStoreBarrier = kFirstTurnBarrier + S::kConsumers;

 public:
  // `warp`: of the block, of a consumer. `slots`: the first consumer's.
  __device__ __forceinline__ Consumer(const TmaParams& params, const Ring<C.tile.stages>& ring,
                                      const StagingSlots<C>& slots, int warp)
      : params_(params),
        ring_(ring),
        warpgroup_(warp / kWarpgroupWarps),
        loads_(params, ring, warp == 0),
        outputs_(params, slots.of(warpgroup_), kFirstStoreBarrier + warpgroup_, S::kPingPong ? 0 : warpgroup_),
        lockstep_(keeps_step(params), static_cast<unsigned>(warpgroup_), threadIdx.x % kWarpgroupThreads == 0) {}

  __device__ __forceinline__ void run() {
    loads_.begin();
    if constexpr (S::kPingPong) {
      if (warpgroup_ == 1) {
        skip(blockIdx.x);
        pass_turn(0);
      }
    }
    TileWalk<C> walk(params_, static_cast<unsigned>(warpgroup_) % kTurns, kTurns);
    for (; walk.more(); walk.advance()) {
      if constexpr (!kPreparesLate) {
        outputs_.prepare(work_of<C>(params_, walk.tile));
      }
      if constexpr (S::kPingPong) {
        ptx::barrier_sync<2 * kWarpgroupThreads>(kFirstTurnBarrier + warpgroup_);
        lockstep_.wait();
      }
      const unsigned last_stage = multiply(work_of<C>(params_, walk.tile));
      if constexpr (S::kPingPong) {
        if (walk.tile + walk.blocks < walk.end) {  // else the other has had its last turn
          pass_turn(1 - warpgroup_);
          skip(walk.tile + walk.blocks);
        }
      }
      sums_.drain();
      if constexpr (S::kPingPong) {
        lockstep_.arrive();
        lockstep_.next(kTurns);
      }
      if constexpr (kPending > 0) {
        release(last_stage);
      }
      outputs_.write(work_of<C>(params_, walk.tile), sums_);
    }
    if constexpr (most_cluster_blocks(C) > 1) {
      ptx::cluster_arrive();
    }
    outputs_.finish();
  }

 private:
  // Stages left unfinished while the next is issued. In ping-pong nobody else keeps the tensor cores busy meanwhile.
  static constexpr int kPending = S::kPingPong ? S::Sums::kMostPending : 0;

  // Whether what a tile's results are computed from is asked for behind its first stage. Before it whoever asks would
  // wait until what is staged of the tile before has been read, and all others for that thread.
  static constexpr bool kPreparesLate = fetches_early(C);

  static constexpr int kNotice = 4;  // stages before its end that a ping-pong tile is announced to end

  // Where tiles are long and many, as waiting takes a tenth of a microsecond.
  __device__ __forceinline__ static bool keeps_step(const TmaParams& params) {
    constexpr unsigned kLeastTiles = 8;  // of a block
    const TileWalk<C> walk(params, 0, 1);
    return S::kPingPong && stages_of<C>(work_of<C>(params, 0)) >= kLeastStages &&
           walk.end >= kLeastTiles * walk.blocks && clock_is_fine();
  }

  __device__ __forceinline__ void pass_turn(int warpgroup) const {
    ptx::barrier_arrive<2 * kWarpgroupThreads>(kFirstTurnBarrier + warpgroup);
  }

  // Past the stages of a tile of the other's.
  __device__ __forceinline__ void skip(unsigned tile) {
    position_.skip(static_cast<unsigned>(stages_of<C>(work_of<C>(params_, tile))));
  }

  // Issues the products of one tile. Returns the last stage, which is still being read if kPending is not 0.
  __device__ __forceinline__ unsigned multiply(const Work& work) {
    const int stages = stages_of<C>(work);
    unsigned before = position_.stage;
    sums_.template begin<C.problem.pass == Pass::recompute>();
#pragma unroll 1
    for (int i = 0; i < stages; ++i) {
      if (S::kPingPong && i == stages - kNotice) {
        lockstep_.announce();
      }
      ring_.wait_full(position_);
      multiply_stage(ring_.address(position_));
      loads_.next();
      sums_.template wait<kPending>();
      if (kPending == 0) {
        release(position_.stage);
      } else if (i > 0) {
        release(before);
      }
      sums_.add();
      if (kPreparesLate && i == 0) {
        outputs_.prepare(work);
      }
      before = position_.stage;
      position_.advance();
    }
    return before;
  }

  // Each warp for itself: its own products have read the stage.
  __device__ __forceinline__ void release(unsigned stage) const {
    const unsigned lane = threadIdx.x % kWarpThreads;
    if constexpr (most_cluster_blocks(C) > 1) {
      if (lane < static_cast<unsigned>(cluster_blocks(C, params_.m))) {
        ring_.release_at(lane, stage);
      }
    } else if (lane == 0) {
      ring_.release(stage);
    }
  }

  // Block after block of a group by each step, and group after group.
  __device__ __forceinline__ void multiply_stage(unsigned stage) {
    constexpr int kGroups = S::Sums::kGroups;
    constexpr int kOfGroup = S::kBlocks / kGroups;
    if constexpr (most_cluster_blocks(C) > 1) {  // else it costs an instruction for nothing
      stage %= kSharedAddresses;
    }
    sums_.start();
#pragma unroll
    for (int group = 0; group < kGroups; ++group) {
#pragma unroll
      for (int step = 0; step < C.tile.k / 16; ++step) {
#pragma unroll
        for (int block = group * kOfGroup; block < (group + 1) * kOfGroup; ++block) {
          multiply_block(stage, block, step);
        }
      }
      sums_.commit();
    }
  }

  __device__ __forceinline__ void multiply_block(unsigned stage, int block, int step) {
    constexpr unsigned kABytes = sizeof(Stage<C>::a);
    constexpr unsigned kHalfBytes = sizeof(Stage<C>::b[0]);
    constexpr bool kSwapped = S::kSwapped;
    constexpr bool kTransA = (kSwapped ? S::kProduct.b : S::kProduct.a) == Major::mn;
    constexpr bool kTransB = (kSwapped ? S::kProduct.a : S::kProduct.b) == Major::mn;
    const unsigned share = S::kPingPong ? 0 : static_cast<unsigned>(warpgroup_);
    const unsigned a =
        kSwapped ? stage + kABytes + share * kOperandBlockBytes : stage + share * (S::kRowBlocks * kOperandBlockBytes);
    const unsigned b = kSwapped ? stage : stage + kABytes;
    const auto number = static_cast<unsigned>(block);
    const unsigned a_at = kSwapped    ? number * kHalfBytes
                          : S::kApart ? number / 2 * kOperandBlockBytes
                                      : number * kOperandBlockBytes;
    const unsigned b_at = S::kApart ? number % 2 * kHalfBytes : 0;
    sums_.template multiply<kTransA, kTransB>(block, shared_operand<kTransA>(a + a_at, static_cast<unsigned>(step)),
                                              shared_operand<kTransB>(b + b_at, static_cast<unsigned>(step)), step);
  }

  const TmaParams& params_;
  const Ring<C.tile.stages>& ring_;
  int warpgroup_;
  OwnLoads<C> loads_;
  Outputs<C, typename S::Sums> outputs_;
  TileLockstep lockstep_;
  RingPosition<C.tile.stages> position_;
  typename S::Sums sums_;
};

// The store warp of a consumer, one thread of it.
template <KernelConfig C>
__device__ __forceinline__ void send_tiles(const TmaParams& params, const StagingSlots<C>& slots, int warpgroup) {
  SlotSender<C> sender(slots.of(warpgroup));
  for (TileWalk<C> walk(params, 0, 1); walk.more(); walk.advance()) {
    Outputs<C, typename Shape<C>::Sums>::send(params, work_of<C>(params, walk.tile), warpgroup, sender);
  }
  sender.finish();
}

template <KernelConfig C>
__device__ __forceinline__ void run(const TmaParams& params) {
  static_assert(why_invalid(C) == nullptr, "not a valid configuration: see swiglu/validity.h");
  static_assert(C.family == Family::wgmma_sm90);
  constexpr bool kGradientsAhead = has_gradients_ahead(C.problem.pass);
  static_assert(sizeof(SharedStorage<C>) + ahead_bytes(C) == shared_bytes(C));
  static_assert(barriers(C) * kBarrierBytes <= kBarriersRoom);
  static_assert(sizeof(Stage<C>) % kSharedAlignment == 0 && sizeof(Stage<C>::a) % kSharedAlignment == 0 &&
                    sizeof(Stage<C>::b[0]) % kSharedAlignment == 0,
                "what is swizzled is aligned");
  static_assert((sizeof(SharedStorage<C>::ring) + sizeof(SharedStorage<C>::staging)) % 128 == 0, "so are boxes");
  constexpr int kConsumers = Shape<C>::kConsumers;
  constexpr unsigned kReaders = (Shape<C>::kPingPong ? 1 : kConsumers) * kWarpgroupWarps;

  const unsigned shared = ptx::shared_address(ptx::dynamic_shared());
  const unsigned staging = shared + sizeof(SharedStorage<C>::ring);
  const unsigned ahead = staging + sizeof(SharedStorage<C>::staging);
  const unsigned barriers = ahead + ahead_bytes(C);
  const StagingSlots<C> slots{staging, barriers + 2 * C.tile.stages * kBarrierBytes};
  const unsigned arrived = barriers + product_barriers(C) * kBarrierBytes;  // of what gradients are computed from
  const Ring<C.tile.stages> ring(shared, sizeof(Stage<C>), barriers);
  if constexpr (kGradientsAhead) {
    if (blockIdx.x >= walkers<C>(params)) {
      compute_without_tiles<C>(params, shared);
      return;
    }
  }
  if (threadIdx.x == 0) {
#pragma unroll
    for (int consumer = 0; consumer < kConsumers; ++consumer) {
      slots.of(consumer).initialise();
    }
    if constexpr (kGradientsAhead) {
      GradientsAhead<C>::initialise(arrived, kAheadWarps);
    }
    ring.initialise(static_cast<unsigned>(cluster_blocks(C, params.m)) * kReaders);
  }
  if constexpr (most_cluster_blocks(C) > 1) {
    ptx::cluster_arrive();  // waited for before the first load
  } else {
    __syncthreads();
  }

  // From lane 0, so that the compiler knows it to be the same in all of a warp.
  const int warp = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / kWarpThreads, 0);
  if constexpr (!has_producer(C)) {
    Consumer<C>(params, ring, slots, warp).run();
    ptx::cluster_wait();
  } else if (warp >= kConsumers * kWarpgroupWarps) {
    ptx::warpgroup_decrease_registers<other_registers(C)>();
    if (warp == kConsumers * kWarpgroupWarps) {
      if (ptx::elect_one()) {
        produce<C>(params, ring);
      }
    } else if constexpr (kGradientsAhead) {
      ptx::grid_dependency_wait();
      GradientsAhead<C>(params, ahead, arrived, warp - kConsumers * kWarpgroupWarps - 1).run();
    } else if constexpr (has_store_warps(C)) {
      const int consumer = warp - kConsumers * kWarpgroupWarps - 1;
      if (consumer < kConsumers && ptx::elect_one()) {
        send_tiles<C>(params, slots, consumer);
      }
    }
  } else {
    ptx::warpgroup_increase_registers<consumer_registers(C)>();
    Consumer<C>(params, ring, slots, warp).run();
  }
}

template <KernelConfig C>
__device__ __forceinline__ void forward(const TmaParams& params) {
  run<C>(params);
}

template <KernelConfig C>
__device__ __forceinline__ void backward(const TmaParams& params) {
  run<C>(params);
}

}  // namespace swiglu::wgmma_sm90
