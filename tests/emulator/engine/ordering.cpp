#include "engine/ordering.h"

#include <algorithm>

namespace swiglu::emulator {

void Ordering::begin_block(int threads) {
  threads_ = threads;
  seen_.clear();
  floor_ = now_;
  block_start_ = ++now_;
}

void Ordering::meet_all() {
  floor_ = now_;
  ++now_;
}

void Ordering::meet(std::span<const int> threads) {
  scratch_.clear();
  for (const int thread : threads) {
    release(scratch_, thread);
  }
  for (const int thread : threads) {
    acquire(scratch_, thread);
  }
  advance();
}

void Ordering::release(Clock& clock, int thread) {
  const auto count = static_cast<std::size_t>(threads_);
  if (clock.empty()) {
    clock.assign(count, 0);
  }
  if (!seen_.empty()) {
    const Time* row = &seen_[index(thread, 0)];
    for (std::size_t i = 0; i < count; ++i) {
      clock[i] = std::max(clock[i], row[i]);
    }
  }
  clock[static_cast<std::size_t>(thread)] = now_;
}

void Ordering::acquire(const Clock& clock, int thread) {
  const auto count = static_cast<std::size_t>(threads_);
  if (seen_.empty()) {
    seen_.assign(count * count, 0);
  }
  Time* row = &seen_[index(thread, 0)];
  for (std::size_t i = 0; i < count; ++i) {
    row[i] = std::max(row[i], clock[i]);
  }
}

}  // namespace swiglu::emulator
