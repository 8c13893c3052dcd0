// The asynchronous copies of one thread, in commit groups: written to shared memory when a wait covers their group.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "engine/shared_memory.h"

namespace swiglu::emulator {

class CopyGroups {
 public:
  void add(SharedMemory::PendingWrite write) { open_.push_back(std::move(write)); }
  void commit();
  // Lands all committed groups but the `pending` most recent ones.
  void wait(std::size_t pending, SharedMemory& shared);
  void clear();
  std::size_t unfinished() const;

 private:
  using Group = std::vector<SharedMemory::PendingWrite>;
  Group open_;
  std::deque<Group> committed_;
};

}  // namespace swiglu::emulator
