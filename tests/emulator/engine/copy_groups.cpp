#include "engine/copy_groups.h"

#include <utility>

namespace swiglu::emulator {

void CopyGroups::commit() { committed_.push_back(std::exchange(open_, {})); }

void CopyGroups::wait(std::size_t pending, SharedMemory& shared) {
  while (committed_.size() > pending) {
    for (const SharedMemory::PendingWrite& write : committed_.front()) {
      shared.land(write);
    }
    committed_.pop_front();
  }
}

void CopyGroups::clear() {
  open_.clear();
  committed_.clear();
}

std::size_t CopyGroups::unfinished() const {
  std::size_t count = open_.size();
  for (const Group& group : committed_) {
    count += group.size();
  }
  return count;
}

}  // namespace swiglu::emulator
