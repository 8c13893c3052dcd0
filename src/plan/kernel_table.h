// The kernels a plan holds ready: found without a lock, put with one. Entries are never replaced, so a pointer that was
// found stays valid as long as the table.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "plan/bucket.h"

namespace swiglu {

// Of rows and pointers that a kernel is for.
enum class Alignment : int {
  pitches,   // pointers as aligned as the pitches allow
  elements,  // pointers aligned to their elements only
  padded     // rows copied to multiples of 16 bytes
};
inline constexpr std::size_t kAlignments = 3;

struct Slot {
  Pass pass;
  Alignment alignment;
  int bucket;  // or kEveryM
};

// Why a slot's kernel was chosen.
struct Reason {
  std::string why;      // one line
  const char* choice;   // "estimate", "forced", or where the measurement is from
  double microseconds;  // measured; 0: not
};

class KernelTable {
 public:
  // Null where none was put. Lock-free.
  const Kernel* find(const Slot& slot) const { return kernels_[index(slot)].load(std::memory_order_acquire); }

  // Keeps the first of several for one slot.
  const Kernel* put(const Slot& slot, std::shared_ptr<const Kernel> kernel, Reason reason) {
    const std::lock_guard lock(mutex_);
    std::atomic<const Kernel*>& entry = kernels_[index(slot)];
    if (entry.load(std::memory_order_relaxed) == nullptr) {
      reasons_[index(slot)] = std::move(reason);
      owned_.push_back(std::move(kernel));
      entry.store(owned_.back().get(), std::memory_order_release);
    }
    return entry.load(std::memory_order_relaxed);
  }

  Reason reason(const Slot& slot) const {
    const std::lock_guard lock(mutex_);
    return reasons_[index(slot)];
  }

 private:
  static constexpr std::size_t kSlots = std::size_t{kPasses} * kAlignments * (kBuckets + 1);

  static std::size_t index(const Slot& slot) {
    const auto pass = static_cast<std::size_t>(slot.pass);
    const auto alignment = static_cast<std::size_t>(slot.alignment);
    return (pass * kAlignments + alignment) * std::size_t{kBuckets + 1} + static_cast<std::size_t>(slot.bucket);
  }

  std::array<std::atomic<const Kernel*>, kSlots> kernels_{};
  mutable std::mutex mutex_;
  std::array<Reason, kSlots> reasons_{};
  std::vector<std::shared_ptr<const Kernel>> owned_;
};

}  // namespace swiglu
