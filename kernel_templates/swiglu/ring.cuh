// The ring of stages between the warp that loads and the warpgroups that multiply: for each stage a barrier that says
// it is full, completed by the bytes that land, and one that says it is empty, completed by the warps that have read
// it.
//
// Every role walks the stages in the same order with a position of its own. A fresh ring is empty.
#pragma once

#include "ptx/cluster.cuh"
#include "ptx/mbarrier.cuh"
#include "swiglu/config.h"

namespace swiglu {

// Of the stage that comes next, and how often the ring has gone round, of which the lowest bit is kept.
template <int kStages>
struct RingPosition {
  unsigned stage = 0;
  unsigned parity = 0;

  __device__ __forceinline__ void advance() {
    if (++stage == kStages) {
      stage = 0;
      parity ^= 1;
    }
  }

  __device__ __forceinline__ void skip(unsigned steps) {
    stage += steps % kStages;
    parity ^= steps / kStages % 2;
    if (stage >= kStages) {
      stage -= kStages;
      parity ^= 1;
    }
  }
};

template <int kStages>
class Ring {
 public:
  using Position = RingPosition<kStages>;

  // `stages` and `barriers`: shared addresses of the stages, kStageBytes apart, and of 2 * kStages barriers.
  __device__ __forceinline__ Ring(unsigned stages, unsigned stage_bytes, unsigned barriers)
      : stages_(stages), stage_bytes_(stage_bytes), barriers_(barriers) {}

  // By one thread, before all others use the ring. A stage is empty after `readers` release it.
  __device__ __forceinline__ void initialise(unsigned readers) const {
#pragma unroll
    for (unsigned stage = 0; stage < kStages; ++stage) {
      ptx::mbarrier_init(full(stage), 1);
      ptx::mbarrier_init(empty(stage), readers);
    }
    ptx::mbarrier_fence_init();
  }

  __device__ __forceinline__ unsigned address(const Position& position) const {
    return stages_ + position.stage * stage_bytes_;
  }

  // The loader's: waits until the stage may be overwritten, announces its bytes, and returns the barrier that the
  // copies complete on.
  __device__ __forceinline__ unsigned acquire(const Position& position) const {
    ptx::mbarrier_wait(empty(position.stage), position.parity ^ 1);
    ptx::mbarrier_arrive_expect(full(position.stage), stage_bytes_);
    return full(position.stage);
  }

  // The loader's: waits until the stage after may be overwritten, too. Of a ring of 3 stages or more, as readers may
  // keep a stage until the one after it is full.
  __device__ __forceinline__ void wait_next_empty(Position position) const {
    position.advance();
    ptx::mbarrier_wait(empty(position.stage), position.parity ^ 1);
  }

  // The readers'.
  __device__ __forceinline__ void wait_full(const Position& position) const {
    ptx::mbarrier_wait(full(position.stage), position.parity);
  }
  __device__ __forceinline__ void release(unsigned stage) const { ptx::mbarrier_arrive(empty(stage)); }
  // That of a block of the cluster, as each loads into all of them.
  __device__ __forceinline__ void release_at(unsigned rank, unsigned stage) const {
    ptx::mbarrier_arrive_at(empty(stage), rank);
  }

 private:
  __device__ __forceinline__ unsigned full(unsigned stage) const { return barriers_ + stage * kBarrierBytes; }
  __device__ __forceinline__ unsigned empty(unsigned stage) const {
    return barriers_ + (kStages + stage) * kBarrierBytes;
  }

  unsigned stages_;
  unsigned stage_bytes_;
  unsigned barriers_;
};

}  // namespace swiglu
