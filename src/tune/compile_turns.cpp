#include "tune/compile_turns.h"

#include "base/settings.h"

namespace swiglu {

std::size_t CompileTurns::waiting() {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

CompileTurns::Turn::Turn(CompileTurns& turns, std::size_t rank) : turns_(turns) {
  std::unique_lock lock(turns_.mutex_);
  const auto waiting = turns_.waiting_.insert(rank);
  turns_.changed_.wait(lock, [&] { return turns_.free_ > 0 && *turns_.waiting_.begin() == rank; });
  turns_.waiting_.erase(waiting);
  --turns_.free_;
  turns_.changed_.notify_all();  // there may be another free one, for the next in rank
}

CompileTurns::Turn::~Turn() {
  const std::lock_guard lock(turns_.mutex_);
  ++turns_.free_;
  turns_.changed_.notify_all();
}

CompileTurns& compile_turns() {
  static auto* const instance = new CompileTurns(settings().cpu_threads);  // leaked: threads may outlive static objects
  return *instance;
}

}  // namespace swiglu
