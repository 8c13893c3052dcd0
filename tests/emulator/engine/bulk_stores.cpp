#include "engine/bulk_stores.h"

#include <fmt/core.h>

namespace swiglu::emulator {

int BulkStores::agent(Ordering& ordering, int thread) {
  if (agent_ == kNobody) {
    agent_ = ordering.add_agent(fmt::format("a store of thread {}", thread));
  }
  return agent_;
}

void BulkStores::commit(Ordering& ordering) {
  groups_.push_back(ordering.now());
  open_ = 0;
  ordering.advance();
}

void BulkStores::wait(std::size_t pending, bool written, Ordering& ordering, int thread) {
  if (groups_.size() <= pending) {
    return;
  }
  const std::size_t covered = groups_.size() - pending;
  if (agent_ != kNobody) {
    ordering.acquire_agent(agent_, groups_[covered - 1], thread);
  }
  if (written) {
    groups_.erase(groups_.begin(), groups_.begin() + static_cast<std::ptrdiff_t>(covered));
  }
}

}  // namespace swiglu::emulator
