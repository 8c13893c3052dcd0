// Where the threads of a block meet: barriers, and the collectives of warps and warpgroups.
#include <fmt/core.h>

#include "engine/block.h"

namespace swiglu::emulator {
namespace {

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

}  // namespace swiglu::emulator
