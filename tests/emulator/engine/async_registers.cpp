#include "engine/async_registers.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

namespace swiglu::emulator {
namespace {

constexpr int kWarpSize = 32;

bool overlap(const unsigned char* a, std::size_t bytes_a, const unsigned char* b, std::size_t bytes_b) {
  return a < b + bytes_b && b < a + bytes_a;
}

}  // namespace

std::string AsyncRegisters::why_not(const Accumulator& accumulator) const {
  for (std::size_t warp = 0; warp < kWarps; ++warp) {
    if (!fenced_[warp]) {
      return fmt::format("warp {} of the warpgroup has executed no wgmma_fence() since the start or its last wait",
                         warp);
    }
    if (accumulator.touched[warp]) {
      return fmt::format("warp {} of the warpgroup has touched the accumulators since its last wgmma_fence()", warp);
    }
  }
  return "";
}

AsyncRegisters::Accumulator& AsyncRegisters::find_or_add(const Pointers& registers, int count, int shape,
                                                         std::string& error) {
  for (auto other = accumulators_.begin(); other != accumulators_.end();) {
    if (!overlap(registers[0], static_cast<std::size_t>(count) * sizeof(std::uint32_t), other->registers[0],
                 other->bytes())) {
      ++other;
      continue;
    }
    const bool in_flight = std::find(other->in_flight.begin(), other->in_flight.end(), true) != other->in_flight.end();
    if (other->registers == registers && other->count == count && (other->shape == shape || !in_flight)) {
      other->shape = shape;
      return *other;
    }
    if (in_flight) {
      error = "an instruction of another shape, or on some of these registers, is in flight on them";
    }
    other = accumulators_.erase(other);
  }
  accumulators_.push_back({registers, count, shape, {}});
  accumulators_.back().sums.assign(kThreads * static_cast<std::size_t>(count), 0);
  return accumulators_.back();
}

AsyncRegisters::Accumulator& AsyncRegisters::issue(const Pointers& registers, int count, int shape,
                                                   std::string& error) {
  Accumulator& accumulator = find_or_add(registers, count, shape, error);
  if (error.empty()) {
    error = why_not(accumulator);
  }
  accumulator.instruction = ++issued_;
  for (int thread = 0; thread < kThreads; ++thread) {
    if (!accumulator.in_flight[static_cast<std::size_t>(thread / kWarpSize)]) {
      unsigned char* own = registers[static_cast<std::size_t>(thread)];
      std::memcpy(accumulator.of(thread), own, accumulator.bytes());
      std::memset(own, kPoison, accumulator.bytes());
    }
  }
  accumulator.in_flight.fill(true);
  return accumulator;
}

void AsyncRegisters::fence(int warp) {
  const auto index = static_cast<std::size_t>(warp);
  fenced_[index] = true;
  for (Accumulator& accumulator : accumulators_) {
    accumulator.touched[index] = false;
  }
}

void AsyncRegisters::commit(int warp, Ordering::Time now) {
  const auto index = static_cast<std::size_t>(warp);
  groups_[index].push_back({issued_, now});
  committed_[index] = issued_;
}

void AsyncRegisters::deliver(Accumulator& accumulator, int warp, std::string& error) {
  for (int thread = warp * kWarpSize; thread < (warp + 1) * kWarpSize; ++thread) {
    unsigned char* own = accumulator.registers[static_cast<std::size_t>(thread)];
    if (std::any_of(own, own + accumulator.bytes(), [](unsigned char byte) { return byte != kPoison; })) {
      error = fmt::format("thread {} of the warpgroup has written accumulators that were in flight", thread);
    }
    std::memcpy(own, accumulator.of(thread), accumulator.bytes());
  }
  accumulator.in_flight[static_cast<std::size_t>(warp)] = false;
}

Ordering::Time AsyncRegisters::wait(int warp, std::size_t pending, std::string& error) {
  const auto index = static_cast<std::size_t>(warp);
  auto& groups = groups_[index];
  fenced_[index] = false;
  Group last{0, 0};
  while (groups.size() > pending) {
    last = groups.front();
    groups.pop_front();
  }
  for (Accumulator& accumulator : accumulators_) {
    if (accumulator.in_flight[index] && accumulator.instruction <= last.instruction) {
      deliver(accumulator, warp, error);
    }
  }
  return last.time;
}

bool AsyncRegisters::touch(int thread, const void* pointer, std::size_t bytes) {
  if (accumulators_.empty()) {
    return true;
  }
  const auto warp = static_cast<std::size_t>(thread / kWarpSize);
  const auto* first = static_cast<const unsigned char*>(pointer);
  for (Accumulator& accumulator : accumulators_) {
    if (overlap(accumulator.registers[static_cast<std::size_t>(thread)], accumulator.bytes(), first, bytes)) {
      accumulator.touched[warp] = true;
      return !accumulator.in_flight[warp];
    }
  }
  return true;
}

std::string AsyncRegisters::unfinished(int warp) const {
  const auto index = static_cast<std::size_t>(warp);
  if (committed_[index] != issued_) {
    return "wgmma_commit() of its last instructions";
  }
  return groups_[index].empty() ? "" : fmt::format("wgmma_wait() of {} groups", groups_[index].size());
}

void AsyncRegisters::clear() { *this = {}; }

}  // namespace swiglu::emulator
