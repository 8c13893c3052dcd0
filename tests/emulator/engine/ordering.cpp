#include "engine/ordering.h"

#include <algorithm>
#include <stdexcept>

namespace swiglu::emulator {
namespace {

void raise(Ordering::Time* clock, const Ordering::Time* other, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    clock[i] = std::max(clock[i], other[i]);
  }
}

}  // namespace

void Ordering::begin_block(int threads) {
  const auto count = static_cast<std::size_t>(threads);
  threads_ = threads;
  seen_.clear();
  agent_names_.clear();
  floor_ = now_;
  agent_floors_.assign(kAgents, now_);
  fences_.assign(count, 0);
  fence_floors_.assign(count, 0);
  block_start_ = ++now_;
}

void Ordering::meet_all() {
  floor_ = now_;
  fence_floors_ = fences_;
  for (int thread = 0; !seen_.empty() && thread < threads_; ++thread) {
    raise(agent_floors_.data(), &seen_[row(thread) + column(threads_)], agent_names_.size());
  }
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

void Ordering::keep_clocks() {
  if (seen_.empty()) {
    seen_.assign(static_cast<std::size_t>(threads_) * columns(), 0);
  }
}

void Ordering::release(Clock& clock, int thread) {
  clock.resize(columns(), 0);
  if (!seen_.empty()) {
    raise(clock.data(), &seen_[row(thread)], columns());
  }
  clock[column(thread)] = now_;
  clock[fence_column(thread)] = fences(thread);
}

void Ordering::acquire(const Clock& clock, int thread) {
  keep_clocks();
  raise(&seen_[row(thread)], clock.data(), clock.size());
}

int Ordering::add_agent(const std::string& name) {
  if (agent_names_.size() == kAgents) {
    throw std::length_error("the emulator keeps track of at most 128 asynchronous agents in a block");
  }
  agent_names_.push_back(name);
  return threads_ + static_cast<int>(agent_names_.size()) - 1;
}

void Ordering::release_agent(Clock& clock, int agent, Time time) const {
  clock.resize(columns(), 0);
  clock[column(agent)] = std::max(clock[column(agent)], time);
}

void Ordering::acquire_agent(int agent, Time time, int thread) {
  keep_clocks();
  Time& seen = seen_[row(thread) + column(agent)];
  seen = std::max(seen, time);
}

void Ordering::fence(int thread) { ++fences_[static_cast<std::size_t>(thread)]; }

}  // namespace swiglu::emulator
