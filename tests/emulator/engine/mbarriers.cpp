#include "engine/mbarriers.h"

#include <fmt/core.h>

#include <cstdlib>

namespace swiglu::emulator {

Mbarrier::Mbarrier(unsigned address, unsigned arrivals, int initialiser, Ordering& ordering, SharedMemory& shared)
    : address_(address),
      initialiser_(initialiser),
      initialised_(ordering.now()),
      agent_(ordering.add_agent(
          fmt::format("a copy on the mbarrier at shared offset {}", address - SharedMemory::kWindow))),
      ordering_(ordering),
      shared_(shared),
      arrivals_(arrivals),
      missing_(arrivals) {}

std::string Mbarrier::text() const {
  return fmt::format("mbarrier at shared offset {}: phase {} (parity {}) misses {} of {} arrivals and {} bytes",
                     address_ - SharedMemory::kWindow, phase_, phase_ % 2, missing_, arrivals_, bytes_);
}

// Begins the next phase if this one is complete.
std::string Mbarrier::turn() {
  if (missing_ > 0 || bytes_ > 0) {
    return "";
  }
  if (bytes_ < 0) {
    return fmt::format("{} bytes more have landed than its arrivals announced", -bytes_);
  }
  completed_ = arrived_;
  missing_ = arrivals_;
  ++phase_;
  ordering_.advance();
  return "";
}

std::string Mbarrier::arrive(int thread) {
  if (missing_ == 0) {
    return fmt::format("all {} arrivals of the phase have come, and its bytes have not landed", arrivals_);
  }
  ordering_.release(arrived_, thread);
  ordering_.advance();
  --missing_;
  return turn();
}

std::string Mbarrier::expect(long long bytes) {
  bytes_ += bytes;
  return std::abs(bytes_) > kMostBytes ? fmt::format("{} bytes are more than it can count", bytes_) : "";
}

std::string Mbarrier::wait(unsigned parity) {
  std::string error;
  while (!complete(parity) && !copies_.empty() && error.empty()) {
    const Copy copy = std::move(copies_.front());
    copies_.pop_front();
    for (const SharedMemory::PendingWrite& write : copy.writes) {
      shared_.land(write);
    }
    ordering_.release_agent(arrived_, agent_, ordering_.now());
    ordering_.advance();
    bytes_ -= copy.bytes;
    error = turn();
  }
  return error;
}

void Mbarrier::join(int thread) { ordering_.acquire(completed_, thread); }

}  // namespace swiglu::emulator
