// The asynchronous stores of one thread out of shared memory, in commit groups. Until a wait covers its group, what a
// store reads must not change; until one that awaits the writing, too, the thread owes a wait.
#pragma once

#include <cstddef>
#include <deque>

#include "engine/ordering.h"

namespace swiglu::emulator {

class BulkStores {
 public:
  // The reader of the open group.
  int agent(Ordering& ordering, int thread);
  void add() { ++open_; }
  void commit(Ordering& ordering);
  // Of the committed groups all but the `pending` most recent ones have been read, or also written.
  void wait(std::size_t pending, bool written, Ordering& ordering, int thread);
  void clear() { *this = {}; }

  std::size_t uncommitted() const { return open_; }
  std::size_t unfinished() const { return groups_.size(); }

 private:
  static constexpr int kNobody = -1;

  int agent_ = kNobody;
  std::size_t open_ = 0;
  std::deque<Ordering::Time> groups_;  // up to when each has read
};

}  // namespace swiglu::emulator
