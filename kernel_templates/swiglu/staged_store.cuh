// Between a warpgroup's fragments and a matrix in global memory: gathered in the warpgroup's own staging by stmatrix,
// and sent off as boxes of a tensor map, which clips what lies beyond the matrix. Asynchronous: the next tile is
// computed meanwhile. What the values are computed from can be fetched into the staging first.
//
//   staging [slot][box][row][column of the box], rows swizzled as output_box() says
//
// With more slots than one (staging_slots) one is written while others are still on their way; they are taken in turns.
// A unit of work is one half of 64 rows of sums by staged_sums() columns of them. The warpgroup's 128 threads take part
// alike; its first thread issues the copies, and must wait for them to have ended before the block does (finish).
//
// Or a store warp does (staging_slots.cuh): then no warp of the warpgroup waits for another.
#pragma once

#include "ptx/ldmatrix.cuh"
#include "ptx/mbarrier.cuh"
#include "ptx/named_barrier.cuh"
#include "ptx/stmatrix.cuh"
#include "ptx/tma.cuh"
#include "ptx/wgmma.cuh"
#include "swiglu/config.h"
#include "swiglu/params.h"
#include "swiglu/shared_tile.cuh"
#include "swiglu/staging_slots.cuh"

namespace swiglu {

template <KernelConfig C>
class StagedStore {
  using Slots = StagingSlots<C>;
  static constexpr bool kUpright = sums_lie_upright(C);
  static constexpr Box kBox = Slots::kBox;
  static constexpr int kBoxes = Slots::kBoxes;
  static constexpr int kRowBytes = kBox.columns * kElementBytes;

 public:
  static constexpr int kSlots = staging_slots(C);
  static constexpr int kFetchSlots = fetch_slots(C);
  static constexpr int kGroups = staged_sums(C) / 8;  // of 8 columns of sums

  // `slots`: the warpgroup's. `barrier`: a number of its own.
  __device__ __forceinline__ StagedStore(const Slots& slots, int barrier)
      : slots_(slots), barrier_(barrier), thread_(static_cast<int>(threadIdx.x) % kWarpgroupThreads) {}

  // Each of these is for one slot: begin(), stage(), send(); or fetch(), which may be early, wait_fetched(), update(),
  // send().

  // Until all but the last kPending that were sent have been read, and their slots may be written again.
  template <int kPending>
  __device__ __forceinline__ void begin() const {
    wait_sent<kPending>();
    ptx::barrier_sync<kWarpgroupThreads>(barrier_);
  }

  // The same for the thread that issues copies, and may fetch into those slots.
  template <int kPending>
  __device__ __forceinline__ void wait_sent() const {
    if (thread_ == 0) {
      ptx::tma_store_wait_read<kPending>();
    }
  }

  // Until this slot may be written again, where they are taken in turns.
  __device__ __forceinline__ void begin_next(int slot) {
    if constexpr (has_store_warps(C)) {
      ptx::mbarrier_wait(slots_.sent(static_cast<unsigned>(slot)), ~parities_ >> slot & 1);  // at first none is in use
      parities_ ^= 1u << slot;
    } else {
      begin<kSlots - 1>();
    }
  }

  // What is at row and column of the map's matrix, with zeros beyond it.
  __device__ __forceinline__ void fetch(const TensorMap& map, int row, int column, int slot) const {
    if (thread_ == 0) {
      const unsigned barrier = slots_.fetched(static_cast<unsigned>(slot));
      ptx::mbarrier_arrive_expect(barrier, kBoxes * Slots::kBoxBytes);
#pragma unroll
      for (int box = 0; box < kBoxes; ++box) {
        ptx::tma_load(slots_.box(static_cast<unsigned>(slot), box), map, column + box * kBox.columns, row, barrier);
      }
    }
  }

  __device__ __forceinline__ void wait_fetched(int slot) {
    ptx::mbarrier_wait(slots_.fetched(static_cast<unsigned>(slot)), parities_ >> slot & 1);
    parities_ ^= 1u << slot;
  }

  // What was staged goes to row and column of the map's matrix.
  __device__ __forceinline__ void send(const TensorMap& map, int row, int column, int slot) const {
    ptx::fence_proxy_async();
    if constexpr (has_store_warps(C)) {
      __syncwarp();
      if (thread_ % kWarpThreads == 0) {
        ptx::mbarrier_arrive(slots_.staged(static_cast<unsigned>(slot)));
      }
    } else {
      ptx::barrier_sync<kWarpgroupThreads>(barrier_);
      if (thread_ == 0) {
        slots_.send(map, row, column, static_cast<unsigned>(slot));
      }
    }
  }

  __device__ __forceinline__ void finish() const {
    if (thread_ == 0) {
      ptx::tma_store_wait<0>();
    }
  }

  // value(j, e): elements e and e + 1 of group j (wgmma_accumulators.cuh), packed.
  template <typename Value>
  __device__ __forceinline__ void stage(Value value, int slot) const {
    for_each_pair(slot, [&](int j, unsigned at) {
      if (j + 1 < kGroups) {
        store(at, {value(j, 0), value(j, 2), value(j + 1, 0), value(j + 1, 2)});
      } else {
        store(at, {value(j, 0), value(j, 2)});
      }
    });
  }

  // value(j, e, old): the same, computed from what is staged there. Each warp reads and writes its own.
  template <typename Value>
  __device__ __forceinline__ void update(Value value, int slot) const {
    for_each_pair(slot, [&](int j, unsigned at) {
      if (j + 1 < kGroups) {
        unsigned old[4];
        load(old, at);
        store(at, {value(j, 0, old[0]), value(j, 2, old[1]), value(j + 1, 0, old[2]), value(j + 1, 2, old[3])});
      } else {
        unsigned old[2];
        load(old, at);
        store(at, {value(j, 0, old[0]), value(j, 2, old[1])});
      }
    });
  }

 private:
  // visit(j, address) for two groups at a time, which are four 8x8 matrices: of either, rows + 0 and + 8 of the sums.
  // The address is of the lane's row of them; of the last of an odd number of groups those of lanes below 16 count.
  template <typename Visit>
  __device__ __forceinline__ void for_each_pair(int slot, Visit visit) const {
    unsigned thread = static_cast<unsigned>(thread_);
    ptx::keep(thread);  // or the compiler would hold the addresses of a round in registers all the time
    const int lane = static_cast<int>(thread) % kWarpThreads;
    const int warp = static_cast<int>(thread) / kWarpThreads;
    const int group = lane / 16;    // of two
    const int half = lane / 8 % 2;  // rows + 8 of the sums
    const int within = lane % 8;
#pragma unroll
    for (int j = 0; j < kGroups; j += 2) {
      const int of_sums = j + (j + 1 < kGroups ? group : 0);
      visit(j, static_cast<unsigned>(slot) * Slots::kSlotBytes +
                   (kUpright ? address(warp * 16 + half * 8 + within, of_sums)
                             : address(of_sums * 8 + within, warp * 2 + half)));
    }
  }

  template <int kCount>
  __device__ __forceinline__ static void load(unsigned (&values)[kCount], unsigned address) {
    if constexpr (kCount == 4 && kUpright) {
      ptx::ldmatrix_x4(values, address);
    } else if constexpr (kCount == 4) {
      ptx::ldmatrix_x4_trans(values, address);
    } else if constexpr (kUpright) {
      ptx::ldmatrix_x2(values, address);
    } else {
      ptx::ldmatrix_x2_trans(values, address);
    }
  }

  template <int kCount>
  __device__ __forceinline__ static void store(unsigned address, const unsigned (&values)[kCount]) {
    if constexpr (kCount == 4 && kUpright) {
      ptx::stmatrix_x4(address, values);
    } else if constexpr (kCount == 4) {
      ptx::stmatrix_x4_trans(address, values);
    } else if constexpr (kUpright) {
      ptx::stmatrix_x2(address, values);
    } else {
      ptx::stmatrix_x2_trans(address, values);
    }
  }

  __device__ __forceinline__ unsigned address(int row, int chunk) const {
    constexpr int kBoxChunks = kBox.columns / kChunkElements;
    const int box = chunk / kBoxChunks;
    const int swizzle = kBox.swizzle_bytes == 0 ? 0 : row / (128 / kRowBytes) % kBoxChunks;
    return slots_.staging +
           static_cast<unsigned>((box * kBox.rows + row) * kRowBytes + ((chunk % kBoxChunks) ^ swizzle) * kChunkBytes);
  }

  Slots slots_;
  int barrier_;
  unsigned parities_ = 0;  // a bit of each slot
  int thread_;
};

}  // namespace swiglu
