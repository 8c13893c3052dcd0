#include "engine/block.h"

#include <fmt/core.h>

#include <algorithm>
#include <exception>
#include <map>

namespace swiglu::emulator {

BuiltIns built_ins;

namespace {

// Kernels keep accumulators on the stack; sanitizers want more for themselves.
constexpr std::size_t kStackBytes = std::size_t{256} << 10;

Block* current_block = nullptr;

}  // namespace

std::string ranges_text(const std::vector<int>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) {
      ++last;
    }
    text += fmt::format("{}{}", text.empty() ? "" : ",", numbers[i]);
    if (last > i) {
      text += fmt::format("-{}", numbers[last]);
    }
    i = last + 1;
  }
  return text;
}

Block* Block::current() { return current_block; }

Block::Block(const LaunchShape& shape, GlobalMemory& global, Report& report)
    : shape_(shape),
      global_(global),
      report_(report),
      shared_(shape.shared_bytes, shape.allow_uninitialised, ordering_, report),
      banks_(shape.log_banks),
      stacks_(std::size_t{shape.block.x} * shape.block.y * shape.block.z, kStackBytes),
      threads_(std::size_t{shape.block.x} * shape.block.y * shape.block.z),
      copies_(threads_.size()),
      bulk_stores_(threads_.size()),
      meetings_((threads_.size() + kWarpSize - 1) / kWarpSize),
      warpgroup_meetings_((threads_.size() + kWarpgroupSize - 1) / kWarpgroupSize),
      async_registers_(warpgroup_meetings_.size()),
      global_accesses_(threads_.size()) {
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    const auto id = static_cast<unsigned>(i);
    threads_[i].index = {id % shape.block.x, id / shape.block.x % shape.block.y, id / (shape.block.x * shape.block.y)};
  }
}

void Block::begin_block(const Index3& block_index) {
  name_ = fmt::format("block ({},{},{})", block_index.x, block_index.y, block_index.z);
  ordering_.begin_block(threads());
  shared_.begin_block(name_);
  returned_ = 0;
  stopped_ = false;
  ready_.clear();
  conditions_.clear();
  barriers_ = {};
  for (auto& meetings : meetings_) {
    meetings.clear();
  }
  random_.seed(shape_.seed);
  priorities_.assign(meetings_.size(), 0);
  for (std::uint32_t& priority : priorities_) {
    priority = static_cast<std::uint32_t>(random_());
  }
  warpgroup_meetings_.assign(warpgroup_meetings_.size(), {});
  async_registers_.assign(async_registers_.size(), {});
  mbarriers_.clear();
  register_pool_.begin_block(warpgroups(),
                             shape_.registers > 0 ? shape_.registers : RegisterPool::default_registers(threads()));
  earlier_kernels_ = kNobody;
  global_accesses_.assign(threads_.size(), std::nullopt);
}

bool Block::run(const Index3& block_index, const std::function<void()>& kernel) {
  kernel_ = &kernel;
  begin_block(block_index);
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    copies_[i].clear();
    bulk_stores_[i].clear();
    threads_[i].state = State::ready;
    threads_[i].fiber.prepare(stacks_[i], &Block::thread_main);
    const int id = static_cast<int>(i);
    ready_.push_back(shape_.reverse ? threads() - 1 - id : id);
  }
  built_ins.block_index = block_index;
  built_ins.block_shape = shape_.block;
  built_ins.grid_shape = shape_.grid;
  host_.adopt_thread();
  current_block = this;
  running_ = take_ready();
  Thread& first = threads_[static_cast<std::size_t>(running_)];
  built_ins.thread_index = first.index;
  Fiber::switch_between(host_, first.fiber);
  current_block = nullptr;
  running_ = kNobody;
  banks_.flush();
  if (!stopped_) {
    check_end();
  }
  return !stopped_;
}

// What the running thread, about to return, has left undone.
void Block::check_return() {
  const auto owes = [&](const std::string& what) {
    report_.add(Fault::in_flight, what, fmt::format("{}: {} returns and owes {}", name_, thread_text(running_), what));
  };
  if (bulk_stores().uncommitted() > 0) {
    owes("tma_store_commit() of its last stores");
  }
  if (bulk_stores().unfinished() > 0) {
    owes("tma_store_wait() of its stores");
  }
  const std::string groups =
      async_registers(running_ / kWarpgroupSize).unfinished(running_ % kWarpgroupSize / kWarpSize);
  if (!groups.empty()) {
    owes(groups);
  }
}

// What a block that has ended leaves behind.
void Block::check_end() {
  for (const auto& [address, barrier] : mbarriers_) {
    if (barrier.copies_in_flight() > 0) {
      report_.add(Fault::in_flight, fmt::format("end {}", address),
                  fmt::format("{}: ends before {} copies have landed for which nobody waits: {}", name_,
                              barrier.copies_in_flight(), barrier.text()));
    }
  }
  for (int thread = 0; earlier_kernels_ != kNobody && thread < threads(); ++thread) {
    if (const auto& site = global_accesses_[static_cast<std::size_t>(thread)]) {
      report_.add(Fault::race, "grid_dependency_wait",
                  fmt::format("{}: {} touches global memory in {} before grid_dependency_wait()", name_,
                              thread_text(thread), shared_.site_text(shared_.site(*site))));
    }
  }
}

void Block::note_global_access(const Site& site) {
  auto& first = global_accesses_[static_cast<std::size_t>(running_)];
  if (!first &&
      (earlier_kernels_ == kNobody || !ordering_.ordered(earlier_kernels_, ordering_.block_start(), running_))) {
    first = site;
  }
}

void Block::await_earlier_kernels() {
  if (earlier_kernels_ == kNobody) {
    earlier_kernels_ = ordering_.add_agent("an earlier kernel");
  }
  ordering_.acquire_agent(earlier_kernels_, ordering_.block_start(), running_);
}

void Block::thread_main() {
  Fiber::begin();
  Block& block = *current_block;
  try {
    (*block.kernel_)();
    block.check_return();
    block.threads_[static_cast<std::size_t>(block.running_)].state = State::returned;
    ++block.returned_;
    block.run_next();
  } catch (const Stopped&) {
    block.stopped_ = true;
  } catch (const std::exception& error) {  // of the emulator itself, or of a test's kernel
    block.report_.add(Fault::crash, error.what(), fmt::format("{}: {}", block.name_, error.what()));
  }
  block.abandon();
}

// Continues the next ready thread, which may be the caller; ends the block when all have returned.
void Block::run_next() {
  poll_conditions();
  Thread& self = threads_[static_cast<std::size_t>(running_)];
  if (ready_.empty()) {
    if (returned_ == threads()) {
      Fiber::switch_between(self.fiber, host_);
    }
    stop(Fault::barrier, "deadlock", fmt::format("{}: no thread can continue: {}", name_, standing()));
  }
  const int next = take_ready();
  if (next == running_) {
    return;
  }
  running_ = next;
  Thread& other = threads_[static_cast<std::size_t>(next)];
  built_ins.thread_index = other.index;
  Fiber::switch_between(self.fiber, other.fiber);
}

// The ready thread whose turn it is.
int Block::take_ready() {
  auto next = ready_.begin();
  if (shape_.seed != 0) {
    constexpr unsigned kSwitches = 1009;
    if (random_() % kSwitches == 0) {
      priorities_[random_() % priorities_.size()] = static_cast<std::uint32_t>(random_());
    }
    const auto priority = [&](int thread) { return priorities_[static_cast<std::size_t>(thread / kWarpSize)]; };
    next = std::max_element(ready_.begin(), ready_.end(), [&](int a, int b) { return priority(a) < priority(b); });
  }
  const int thread = *next;
  ready_.erase(next);
  return thread;
}

void Block::park(const char* operation, const Location& where) {
  Thread& self = threads_[static_cast<std::size_t>(running_)];
  self.state = State::waiting;
  self.operation = operation;
  self.where = where;
  run_next();
}

void Block::make_ready(int thread) {
  threads_[static_cast<std::size_t>(thread)].state = State::ready;
  ready_.push_back(thread);
}

void Block::poll_conditions() {
  // Conditions change by what other threads do, so it is enough to look when nothing else can run. With priorities a
  // waiting warp may be the first, so look now and then.
  constexpr unsigned kSwitches = 61;
  const bool look = ready_.empty() || (shape_.seed != 0 && random_() % kSwitches == 0);
  if (!look || conditions_.empty()) {
    return;
  }
  std::erase_if(conditions_, [&](const Condition& condition) {
    const bool met = (*condition.ready)();
    if (met) {
      make_ready(condition.thread);
    }
    return met;
  });
}

void Block::wait_until(const std::function<bool()>& ready, const char* operation, const Location& where) {
  if (!ready()) {
    conditions_.push_back({running_, &ready});
    park(operation, where);
  }
}

std::string Block::standing() const {
  std::map<std::string, std::vector<int>> places;
  for (int id = 0; id < threads(); ++id) {
    const Thread& thread = threads_[static_cast<std::size_t>(id)];
    places[thread.state == State::returned ? "have returned"
                                           : fmt::format("wait in {} at {}", thread.operation, to_text(thread.where))]
        .push_back(id);
  }
  std::string text;
  for (const auto& [place, threads] : places) {
    text += fmt::format("{}threads {} {}", text.empty() ? "" : "; ", ranges_text(threads), place);
  }
  for (const auto& [address, barrier] : mbarriers_) {
    text += "; " + barrier.text();
  }
  return text;
}

void Block::stop(Fault fault, const std::string& key, const std::string& text) {
  report_.add(fault, key, text);
  stop();
}

void Block::stop() { throw Stopped{}; }

void Block::abandon() {
  stopped_ = true;
  Fiber::switch_between(threads_[static_cast<std::size_t>(running_)].fiber, host_);
  __builtin_unreachable();
}

}  // namespace swiglu::emulator
