// How contenders are timed: executions captured in a CUDA graph once, replayed between two events, with the clock of
// the multiprocessors over the same interval.
//
// burst      one replay after an idle gap, the L2 cache overwritten: what a caller sees who computes now and then
// sustained  replays back to back: what training sees, at the clock that the power limit leaves. Those of the settling
//            time are not timed: whatever ran before, power and clock are the contender's own when its sample begins
//
// Not thread-safe.
#pragma once

#include <cstddef>
#include <memory>

#include "tools/bench/device_code.h"
#include "tools/bench/replay.h"
#include "tools/bench/results.h"
#include "tools/device_memory.h"

namespace swiglu::tool {

inline constexpr std::size_t kFlushBytes = std::size_t{256} << 20;  // several times any L2
inline constexpr double kIdleMilliseconds = 3;                      // lets power and clock recover
// Of load, until power and clock are those of sustained work, at least; a longer sample settles for as long as it
// takes. A power limit is kept by steps of tenths of a second: samples of less show where between two of them they
// fell.
inline constexpr double kSettlingSeconds = 0.1;

class Stopwatch {
 public:
  Stopwatch(const Stream& stream, const DeviceCode& code, int multiprocessors);
  ~Stopwatch();

  // Of one execution. The replay must be of this stopwatch's stream.
  Sample burst(const Replay& replay) const;
  Sample sustained(const Replay& replay, double seconds) const;

  // Nothing but load, for about so long.
  void warm_up(const Replay& replay, double seconds) const;

 private:
  struct Run {
    int untimed;  // replays before
    int timed;
    bool flush;
  };
  Sample time(const Replay& replay, const Run& run) const;
  double seconds_of(const Replay& replay) const;  // one, for a first idea

  struct Events;
  const Stream& stream_;
  const DeviceCode& code_;
  int multiprocessors_;
  std::unique_ptr<Events> events_;
  DeviceBuffer flush_{kFlushBytes};
  DeviceBuffer stamps_{std::size_t{2} * kStampSlots * sizeof(ClockStamp)};
};

}  // namespace swiglu::tool
