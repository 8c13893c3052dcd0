// What happened before what, among the threads of one block: the clockwork of the race detector.
//
// Time is one counter for the launch; it advances at every synchronisation, and an access is stamped with thread and
// time. An earlier access is ordered before the present one of another thread if a barrier that both passed, or a chain
// of barriers and hand-overs, lies between. Barriers of the whole block cost O(1); those of fewer threads keep a vector
// clock per thread, allocated at the first one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace swiglu::emulator {

class Ordering {
 public:
  using Time = std::uint32_t;
  using Clock = std::vector<Time>;  // a hand-over: per thread, up to when its accesses are included

  // All that happened before is ordered before everything in the new block.
  void begin_block(int threads);

  Time now() const { return now_; }
  Time block_start() const { return block_start_; }

  bool ordered(int earlier_thread, Time time, int thread) const {
    return earlier_thread == thread || time <= floor_ ||
           (!seen_.empty() && time <= seen_[index(thread, earlier_thread)]);
  }

  void meet_all();
  void meet(std::span<const int> threads);

  // release: adds what `thread` did and saw to the hand-over. acquire: `thread` sees it. advance after releases.
  void release(Clock& clock, int thread);
  void acquire(const Clock& clock, int thread);
  void advance() { ++now_; }

 private:
  std::size_t index(int observer, int observed) const {
    return static_cast<std::size_t>(observer) * static_cast<std::size_t>(threads_) + static_cast<std::size_t>(observed);
  }

  int threads_ = 0;
  Time now_ = 1;
  Time block_start_ = 1;
  Time floor_ = 0;  // accesses up to here are ordered before everything
  Clock seen_;      // [observer][observed], empty until a barrier of fewer threads than all
  Clock scratch_;
};

}  // namespace swiglu::emulator
