// Blocks in step: those that read the same rows ask for them within the 100 ns or so in which the L2 cache serves up to
// four multiprocessors of a GPC at once. Out of step each is served alone, and reading takes 4 to 7 % of the energy of
// a large product (docs/measurements.md).
//
// No barrier: blocks tell when they will be ready, and each waits for the latest time that it knows of, for kPatience
// at most. One that is not there, or late or early by more, is not waited for: nothing depends on who runs, or when,
// and results never do.
//
// Ping-pong tiles, whose output is hidden and whose blocks hardly drift apart, begin in step, every fourth of a block
// (TileLockstep). Of cooperative tiles stages are loaded in step (LoadLockstep): the ring is ahead of its readers by
// more than blocks wait for each other, so that multiplying goes on meanwhile.
#pragma once

#include "ptx/clock.cuh"
#include "ptx/math.cuh"
#include "swiglu/config.h"

namespace swiglu {

// The latest times that blocks of this kernel told, of this launch or, long past, of an earlier one: a sector for each.
inline constexpr unsigned kToldTimes = 8;
struct __align__(32) ToldTime {
  unsigned long long time;
};
static __device__ ToldTime told_times[kToldTimes];  // NOLINT: the state of all blocks

inline constexpr unsigned kPatience = 4096;  // ns

// Whether the card's clock goes on in steps that blocks can keep step by: twice within 0.1 us or so. Some drivers' has
// steps of a microsecond.
__device__ __forceinline__ bool clock_is_fine() {
  constexpr unsigned kClocks = 256;
  unsigned long long time = ptx::global_time();
  int changes = 0;
  for (const unsigned begin = ptx::local_clock(); changes < 2 && ptx::local_clock() - begin < kClocks;) {
    const unsigned long long now = ptx::global_time();
    changes += now != time ? 1 : 0;
    time = now;
  }
  return changes == 2;
}

__device__ __forceinline__ void wait_until(unsigned long long time) {
  while (time - ptx::global_time() < kPatience) {  // else it is past, as times are unsigned, or too far
  }
}

// Of the consumers of ping-pong tiles. A tile: announce() some time before the next can begin; arrive() when it could;
// wait() before it does. How long it takes from announce() to arrive() is learnt from tile to tile. By all threads of a
// consumer, of which one speaks.
class TileLockstep {
  static constexpr unsigned kEvery = 4;  // tiles; even, as consumers have every other one

 public:
  // `on`: whether to keep step at all; `tile`: how many of the block's come before this consumer's first; `speaks`:
  // whether this thread tells the others.
  __device__ __forceinline__ TileLockstep(bool on, unsigned tile, bool speaks)
      : on_(on), speaks_(speaks), tile_(tile) {}

  // While tile_ is computed: when the one after it can begin.
  __device__ __forceinline__ void announce() {
    if (on_) {
      const unsigned long long now = ptx::global_time();
      told_ = static_cast<unsigned>(now);
      if (speaks_ && (tile_ + 2) % kEvery == 0 && lead_ < kPatience) {
        ptx::raise_to(&told_times[0].time, now + lead_);
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
      wait_until(ptx::look_at(&told_times[0].time));
    }
  }

  __device__ __forceinline__ void next(unsigned tiles) { tile_ += tiles; }

 private:
  bool on_;
  bool speaks_;
  unsigned tile_;
  unsigned told_ = 0;          // when announce() was called last, ns, the low bits
  unsigned lead_ = kPatience;  // from announce() to arrive(), of the tile before; as long as that: not known yet
};

// A power of two.
template <unsigned kClocks>
__device__ constexpr unsigned stages_that_take(unsigned clocks) {
  unsigned stages = 1;
  while (stages * kClocks < clocks) {
    stages *= 2;
  }
  return stages;
}

// Of the thread that loads. kClocks: of the multiprocessor, that a stage takes to be multiplied. Stages come no faster,
// by which a block tells its time kNotice stages ahead; and until the next time a stage is loaded so long after the one
// before it, even if it could be sooner.
template <unsigned kClocks>
class LoadLockstep {
  static constexpr unsigned kNotice = stages_that_take<kClocks>(3200);  // 1.6 us and more, to be told and looked at
  static constexpr unsigned kEvery = 2 * kNotice;                       // stages
  static constexpr unsigned kFirstNotice = 2000;  // ns, from the first load until stage kNotice can be loaded

 public:
  // When the block may load its first stage.
  __device__ __forceinline__ explicit LoadLockstep(bool on)
      : on_(on),
        begin_(static_cast<unsigned>(ptx::global_time())),
        begin_clock_(ptx::local_clock()),
        due_(begin_clock_ - kNotice * kClocks) {}

  // Before each stage is loaded, as soon as it could be.
  __device__ __forceinline__ void wait() {
    if (!on_) {
      return;
    }
    if (stage_ % kEvery == 0) {
      tell();
    }
    if (stage_ % kEvery == kNotice) {
      wait_until(latest_);
      due_ = ptx::local_clock();
    } else {
      due_ += kClocks;
      while (due_ - ptx::local_clock() < 2 * kClocks) {  // else it is past
      }
    }
  }

  // After each stage was asked for.
  __device__ __forceinline__ void next() {
    ++stage_;
    if (on_ && stage_ % kEvery == kNotice) {
      latest_ = ptx::look_at(&times().time);
    }
  }

 private:
  __device__ __forceinline__ ToldTime& times() const { return told_times[stage_ / kEvery % kToldTimes]; }

  __device__ __forceinline__ void tell() {
    const unsigned long long now = ptx::global_time();
    unsigned notice = kFirstNotice;
    if (stage_ != 0) {
      const auto elapsed = static_cast<float>(static_cast<unsigned>(now) - begin_);
      const auto clocks = static_cast<float>(ptx::local_clock() - begin_clock_);
      notice = static_cast<unsigned>(static_cast<float>(kNotice * kClocks) * elapsed * ptx::rcp_approx(clocks));
    }
    ptx::raise_to(&times().time, now + notice);
  }

  bool on_;
  unsigned begin_;        // of the first stage, ns, the low bits; beside
  unsigned begin_clock_;  // the multiprocessor's clock
  unsigned due_;          // of the stage before, of that clock
  unsigned stage_ = 0;
  unsigned long long latest_ = 0;  // looked at before stage kNotice of kEvery
};

}  // namespace swiglu
