// How contenders are timed: executions captured in a CUDA graph once, replayed between two events, with the clock of
// the multiprocessors over the same interval.
//
// burst      one replay after an idle gap, the L2 cache overwritten: what a caller sees who computes now and then
// sustained  replays back to back: what training sees, at the clock that the power limit leaves
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

class Stopwatch {
 public:
  Stopwatch(const Stream& stream, const DeviceCode& code, int multiprocessors);
  ~Stopwatch();

  // Of one execution. The replay must be of this stopwatch's stream.
  Sample burst(const Replay& replay) const;
  Sample sustained(const Replay& replay, double seconds) const;

 private:
  Sample time(const Replay& replay, int replays, bool flush) const;

  struct Events;
  const Stream& stream_;
  const DeviceCode& code_;
  int multiprocessors_;
  std::unique_ptr<Events> events_;
  DeviceBuffer flush_{kFlushBytes};
  DeviceBuffer stamps_{std::size_t{2} * kStampSlots * sizeof(ClockStamp)};
};

}  // namespace swiglu::tool
