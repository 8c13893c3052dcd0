// The barriers in shared memory (mbarrier) of a block: they count arrivals and bytes of asynchronous copies, phase by
// phase.
//
// A copy lands as late as it may: when a thread waits for the phase it belongs to, one after the other until that phase
// is complete. Who has waited is ordered after what the phase's threads did before they arrived, and after the copies.
// Not thread-safe, like all of a block.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "engine/ordering.h"
#include "engine/shared_memory.h"

namespace swiglu::emulator {

class Mbarrier {
 public:
  struct Copy {
    std::vector<SharedMemory::PendingWrite> writes;
    long long bytes;  // counted on the barrier: more than what is written to where a box reaches outside its matrix
  };
  static constexpr unsigned kMostArrivals = (1u << 20) - 1;
  static constexpr long long kMostBytes = (1 << 20) - 1;

  Mbarrier(unsigned address, unsigned arrivals, int initialiser, Ordering& ordering, SharedMemory& shared);

  // Each returns why it is impossible; empty: done.
  std::string arrive(int thread);
  std::string expect(long long bytes);
  std::string wait(unsigned parity);  // lands copies where the phase is not complete without them

  bool complete(unsigned parity) const { return phase_ % 2 != parity; }
  void join(int thread);  // of a waiter, after the phase
  void add(Copy copy) { copies_.push_back(std::move(copy)); }

  // The copies of this barrier, as writers of what they have landed.
  int agent() const { return agent_; }
  int initialiser() const { return initialiser_; }
  Ordering::Time initialised() const { return initialised_; }
  bool fenced = false;  // the initialisation, for asynchronous copies

  std::size_t copies_in_flight() const { return copies_.size(); }
  std::string text() const;

 private:
  std::string turn();

  unsigned address_;
  int initialiser_;
  Ordering::Time initialised_;
  int agent_;
  Ordering& ordering_;
  SharedMemory& shared_;
  long long arrivals_;   // of each phase
  long long missing_;    // of the present one
  long long bytes_ = 0;  // announced and not landed; negative: landed before they were announced
  unsigned phase_ = 0;
  std::deque<Copy> copies_;
  Ordering::Clock arrived_;    // what all that arrived in this and earlier phases did before
  Ordering::Clock completed_;  // the same when the last phase was completed
};

// By shared address.
using Mbarriers = std::map<unsigned, Mbarrier>;

}  // namespace swiglu::emulator
