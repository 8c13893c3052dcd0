// How contenders are timed: executions captured in a CUDA graph once, replayed between two events, with the clock of
// the multiprocessors over the same interval.
//
// burst      one replay after an idle gap, the L2 cache overwritten: what a caller sees who computes now and then
// sustained  replays back to back: what training sees, at the clock that the power limit leaves
//
// A short kernel is captured many times in a row, over several sets of operands that together exceed the L2 cache, so
// that neither launch overhead nor a warm cache is what is measured. Not thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "tools/bench/device_code.h"
#include "tools/bench/results.h"
#include "tools/device_memory.h"

namespace swiglu::tool {

inline constexpr std::size_t kFlushBytes = std::size_t{256} << 20;  // several times any L2
inline constexpr double kIdleMilliseconds = 3;                      // lets power and clock recover

// Executions captured in one replay of a burst, for a kernel that takes this long: 1 from 0.1 ms on, else about a
// millisecond's.
int launches_for(double milliseconds);

// And in one replay of sustained load: at least as many, up to 10 in about 10 ms, so that what lies between replays
// (a microsecond or two, which no launch may overlap) hardly counts.
int sustained_launches_for(double milliseconds);

// Sets of operands to rotate over, when one execution touches `bytes`: four times the L2 cache together.
std::size_t operand_sets_for(std::size_t bytes, std::size_t l2_bytes, int launches);

// Enqueues one execution over this set of operands.
using Enqueue = std::function<void(std::size_t set, cudaStream_t stream)>;

class Replay {
 public:
  // Executes once, then captures `launches` executions; execution i is over set i modulo `sets`.
  Replay(const Stream& stream, const Enqueue& enqueue, int launches, std::size_t sets);
  ~Replay();
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  void enqueue() const;
  int launches() const { return launches_; }

 private:
  struct Graph;
  const Stream& stream_;
  int launches_;
  std::unique_ptr<Graph> graph_;
};

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
