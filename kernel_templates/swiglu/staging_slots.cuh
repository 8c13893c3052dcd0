// The staging of a warpgroup of family wgmma_sm90, slot by slot, as those who fill it know it (staged_store.cuh) and
// the store warp that sends it, if there is one (has_store_warps): a thread that takes the units of every tile in the
// order in which they are staged.
//
// Barriers of a slot: staged, completed by the warpgroup's four warps, each for itself; and sent, by the store warp,
// when what the slot held has been read and it may be written again. A fresh slot counts as sent. If one of the
// warpgroup's threads sends as well, each unit costs some 300 clocks of waiting for each other (docs/measurements.md).
#pragma once

#include "ptx/mbarrier.cuh"
#include "ptx/tma.cuh"
#include "swiglu/config.h"
#include "swiglu/params.h"

namespace swiglu {

template <KernelConfig C>
struct StagingSlots {
  static constexpr Box kBox = output_box(C);
  static constexpr int kBoxes = staged_columns(C) / kBox.columns;
  static constexpr unsigned kSlotBytes = staging_slot_elements(C) * kElementBytes;
  static constexpr unsigned kBoxBytes = kBox.rows * kBox.columns * kElementBytes;
  static constexpr unsigned kSlots = staging_slots(C);

  unsigned staging;   // shared address
  unsigned barriers;  // of the first of slot_barriers(); with a store warp staged of all slots, then sent

  // Those of a consumer, by the first one's.
  __device__ __forceinline__ StagingSlots of(int consumer) const {
    const auto number = static_cast<unsigned>(consumer);
    return {staging + number * (kSlots * kSlotBytes), barriers + number * (slot_barriers(C) * kBarrierBytes)};
  }

  __device__ __forceinline__ unsigned box(unsigned slot, int box) const {
    return staging + slot * kSlotBytes + static_cast<unsigned>(box) * kBoxBytes;
  }
  __device__ __forceinline__ unsigned fetched(unsigned slot) const { return barriers + slot * kBarrierBytes; }
  __device__ __forceinline__ unsigned staged(unsigned slot) const { return barriers + slot * kBarrierBytes; }
  __device__ __forceinline__ unsigned sent(unsigned slot) const { return staged(kSlots + slot); }

  // By one thread.
  __device__ __forceinline__ void initialise() const {
    if constexpr (fetches(C.problem)) {
      for (unsigned slot = 0; slot < fetch_slots(C); ++slot) {
        ptx::mbarrier_init(fetched(slot), 1);
      }
    }
    if constexpr (has_store_warps(C)) {
      for (unsigned slot = 0; slot < kSlots; ++slot) {
        ptx::mbarrier_init(staged(slot), kWarpgroupWarps);
        ptx::mbarrier_init(sent(slot), 1);
      }
    }
  }

  // To row and column of the map's matrix. By one thread.
  __device__ __forceinline__ void send(const TensorMap& map, int row, int column, unsigned slot) const {
#pragma unroll
    for (int i = 0; i < kBoxes; ++i) {
      ptx::tma_store(map, column + i * kBox.columns, row, box(slot, i));
    }
    ptx::tma_store_commit();
  }
};

// The store warp's thread: next() for every unit that the warpgroup stages, in that order.
template <KernelConfig C>
class SlotSender {
  using Slots = StagingSlots<C>;
  static constexpr unsigned kSlots = Slots::kSlots;
  static constexpr unsigned kUnread = kSlots < 2 ? 0 : 1;  // units that may be read at once besides; more delay loads

 public:
  __device__ __forceinline__ explicit SlotSender(const Slots& slots) : slots_(slots) {}

  __device__ __forceinline__ void next(const TensorMap& map, int row, int column) {
    ptx::mbarrier_wait(slots_.staged(slot_), parity_);
    slots_.send(map, row, column, slot_);
    ptx::tma_store_wait_read<kUnread>();
    if (unread_ == kUnread) {
      const unsigned read = slot_ + (kSlots - kUnread);
      ptx::mbarrier_arrive(slots_.sent(read < kSlots ? read : read - kSlots));
    } else {
      ++unread_;
    }
    if (++slot_ == kSlots) {
      slot_ = 0;
      parity_ ^= 1;
    }
  }

  // Until all has been written, which is owed before the block ends.
  __device__ __forceinline__ void finish() const { ptx::tma_store_wait<0>(); }

 private:
  Slots slots_;
  unsigned slot_ = 0;
  unsigned parity_ = 0;
  unsigned unread_ = 0;
};

}  // namespace swiglu
