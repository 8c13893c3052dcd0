// Blocks in step: all multiprocessors begin their tiles at one time, so that those that read the same rows ask for them
// within the 100 ns or so in which the L2 cache serves up to four multiprocessors of a GPC at once. Out of step each is
// served alone, and reading takes 4 to 7 % of the energy of a large product (docs/measurements.md).
//
// No barrier: blocks tell when they will be ready, and each waits for the latest time that it knows of, for kPatience
// at most. One that is not there, or late or early by more, is not waited for: nothing depends on who runs, or when,
// and results never do.
//
// A tile: announce() some time before the next can begin; arrive() when it could; wait() before it does. How long it
// takes from announce() to arrive() is learnt from tile to tile. By all threads of a consumer, of which one speaks.
#pragma once

#include "ptx/global_time.cuh"
#include "swiglu/config.h"

namespace swiglu {

// The latest time that a block of this kernel announced, by team: of this launch or, long past, of an earlier one.
static __device__ unsigned long long announced_times[2];  // NOLINT: the state of all blocks

// kEvery: so many tiles apart blocks wait for each other, the first time for tile kEvery - 1; 1 or even.
template <unsigned kEvery>
class Lockstep {
  static constexpr unsigned kPatience = 4096;  // ns

 public:
  // `on`: whether to keep step at all; `team`: 0 or 1, consumers of which keep step among themselves; `tile`: how many
  // of the block's come before this consumer's first; `speaks`: whether this thread tells the others.
  __device__ __forceinline__ Lockstep(bool on, unsigned team, unsigned tile, bool speaks)
      : time_(&announced_times[team]), on_(on), speaks_(speaks), tile_(tile) {}

  // While tile_ is computed: when the one after it can begin.
  __device__ __forceinline__ void announce() {
    if (on_) {
      const unsigned long long now = ptx::global_time();
      told_ = static_cast<unsigned>(now);
      if (speaks_ && (tile_ + 2) % kEvery == 0 && lead_ < kPatience) {
        ptx::raise_to(time_, now + lead_);
      }
    }
  }

  __device__ __forceinline__ void arrive() {
    if (on_) {
      lead_ = static_cast<unsigned>(ptx::global_time()) - told_;
    }
  }

  // Before tile_.
  __device__ __forceinline__ void wait() const {
    if (on_ && (tile_ + 1) % kEvery == 0) {
      const unsigned long long begin = ptx::look_at(time_);
      while (begin - ptx::global_time() < kPatience) {  // else it is past, as times are unsigned, or too far
      }
    }
  }

  __device__ __forceinline__ void next(unsigned tiles) { tile_ += tiles; }

 private:
  unsigned long long* time_;  // of the team
  bool on_;
  bool speaks_;
  unsigned tile_;
  unsigned told_ = 0;          // when announce() was called last, ns, the low bits
  unsigned lead_ = kPatience;  // from announce() to arrive(), of the tile before; as long as that: not known yet
};

}  // namespace swiglu
