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

std::string lanes_text(unsigned mask) {
  std::vector<int> lanes;
  for (int lane = 0; lane < Block::kWarpSize; ++lane) {
    if ((mask >> lane & 1u) != 0) {
      lanes.push_back(lane);
    }
  }
  return "lanes " + ranges_text(lanes);
}

}  // namespace

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
  told_.clear();
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

Block::Barrier& Block::arrive(int barrier, int count, const char* operation, const Location& where) {
  const int expected = count == 0 ? threads() : count;
  if (barrier < 0 || barrier >= kBarriers || expected > threads()) {
    stop(Fault::barrier, to_text(where),
         fmt::format("{}: {} at {}: there is no barrier {} of {} threads in a block of {}", name_, operation,
                     to_text(where), barrier, expected, threads()));
  }
  Barrier& state = barriers_[static_cast<std::size_t>(barrier)];
  if (state.arrived.empty()) {
    state.count = expected;
    state.operation = operation;
    state.where = where;
  } else if (state.count != expected) {
    stop(Fault::barrier, to_text(where),
         fmt::format("{}: {} at {} comes to barrier {} for {} threads, but {} at {} expects {}", name_,
                     thread_text(running_), to_text(where), barrier, expected, thread_text(state.arrived.front()),
                     to_text(state.where), state.count));
  }
  state.arrived.push_back(running_);
  return state;
}

void Block::complete(Barrier& barrier) {
  ++report_.counters.barriers;
  banks_.flush();
  if (barrier.count == threads() && barrier.waiting.size() + 1 >= barrier.arrived.size()) {
    ordering_.meet_all();
  } else {
    Ordering::Clock clock;
    for (const int thread : barrier.arrived) {
      ordering_.release(clock, thread);
    }
    for (const int thread : barrier.waiting) {
      ordering_.acquire(clock, thread);
    }
    ordering_.advance();
  }
  const std::vector<int> waiting = std::move(barrier.waiting);
  barrier = {};
  for (const int thread : waiting) {
    if (thread != running_) {
      make_ready(thread);
    }
  }
}

void Block::barrier_sync(int barrier, int count, const char* operation, const Location& where) {
  Barrier& state = arrive(barrier, count, operation, where);
  // CUDA lets __syncthreads stand in a branch only if all threads take it; numbered barriers may be reached from
  // anywhere.
  if (barrier == 0 && !same_place(state.where, where)) {
    report_.add(Fault::divergence, to_text(where) + to_text(state.where),
                fmt::format("{}: {} comes to {} at {} while {} waits in the one at {}", name_, thread_text(running_),
                            operation, to_text(where), thread_text(state.arrived.front()), to_text(state.where)));
  }
  state.waiting.push_back(running_);
  if (static_cast<int>(state.arrived.size()) == state.count) {
    complete(state);
    return;
  }
  park(operation, where);
}

void Block::barrier_arrive(int barrier, int count, const char* operation, const Location& where) {
  Barrier& state = arrive(barrier, count, operation, where);
  if (static_cast<int>(state.arrived.size()) == state.count) {
    complete(state);
  }
}

Block::Meeting& Block::join(std::vector<Meeting>& meetings, const WarpOperation& operation, unsigned mask,
                            const Location& where) {
  const int warp = running_ / kWarpSize;
  const unsigned lane = 1u << (running_ % kWarpSize);
  if ((mask & lane) == 0) {
    stop(Fault::divergence, to_text(where),
         fmt::format("{}: {} calls {} at {} with a mask without itself", name_, thread_text(running_), operation.name,
                     to_text(where)));
  }
  for (Meeting& meeting : meetings) {
    if ((meeting.mask & mask) == 0) {
      continue;
    }
    if (meeting.operation != &operation || meeting.mask != mask || !same_place(meeting.where, where)) {
      stop(Fault::divergence, to_text(where),
           fmt::format("{}: warp {} diverges: {} wait in {} at {} for {}, lane {} comes to {} at {} for {}", name_,
                       warp, lanes_text(meeting.arrived), meeting.operation->name, to_text(meeting.where),
                       lanes_text(meeting.mask), running_ % kWarpSize, operation.name, to_text(where),
                       lanes_text(mask)));
    }
    return meeting;
  }
  meetings.push_back({&operation, where, mask, 0, {}});
  return meetings.back();
}

void Block::meet_warp(const WarpOperation& operation, unsigned mask, void* operands, const Location& where) {
  const int warp = running_ / kWarpSize;
  const int lane = running_ % kWarpSize;
  auto& meetings = meetings_[static_cast<std::size_t>(warp)];
  Meeting& meeting = join(meetings, operation, mask, where);
  meeting.arrived |= 1u << lane;
  meeting.operands[static_cast<std::size_t>(lane)] = operands;
  if (meeting.arrived != mask) {
    park(operation.name, where);
    return;
  }
  if (operation.compute != nullptr) {
    operation.compute(*this, warp, meeting.operands, where);
  }
  if (operation.orders_memory) {
    std::vector<int> lanes;
    for (int i = 0; i < kWarpSize; ++i) {
      if ((mask >> i & 1u) != 0) {
        lanes.push_back(warp * kWarpSize + i);
      }
    }
    ordering_.meet(lanes);
  }
  std::erase_if(meetings, [&](const Meeting& other) { return &other == &meeting; });
  for (int i = 0; i < kWarpSize; ++i) {
    if ((mask >> i & 1u) != 0 && i != lane) {
      make_ready(warp * kWarpSize + i);
    }
  }
}

void Block::meet_warpgroup(const WarpgroupOperation& operation, void* operands, const Location& where) {
  const int warpgroup = running_ / kWarpgroupSize;
  WarpgroupMeeting& meeting = warpgroup_meetings_[static_cast<std::size_t>(warpgroup)];
  if ((warpgroup + 1) * kWarpgroupSize > threads()) {
    stop(Fault::divergence, to_text(where),
         fmt::format("{}: {} calls {} at {} in a warpgroup that lacks warps", name_, thread_text(running_),
                     operation.name, to_text(where)));
  }
  if (meeting.arrived.empty()) {
    meeting.operation = &operation;
    meeting.where = where;
  } else if (meeting.operation != &operation || !same_place(meeting.where, where)) {
    stop(Fault::divergence, to_text(where),
         fmt::format("{}: warpgroup {} diverges: threads {} wait in {} at {}, {} comes to {} at {}", name_, warpgroup,
                     ranges_text(meeting.arrived), meeting.operation->name, to_text(meeting.where),
                     thread_text(running_), operation.name, to_text(where)));
  }
  meeting.arrived.push_back(running_);
  meeting.operands[static_cast<std::size_t>(running_ % kWarpgroupSize)] = operands;
  if (meeting.arrived.size() < meeting.operands.size()) {
    park(operation.name, where);
    return;
  }
  operation.compute(*this, warpgroup, meeting.operands, where);
  for (const int thread : meeting.arrived) {
    if (thread != running_) {
      make_ready(thread);
    }
  }
  meeting.arrived.clear();
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
