// A warpgroup's sums: kBlocks blocks of 64 rows by kN columns in wgmma accumulators, in the type the problem asks for.
//
//   f32            f32 sums
//   f16            f16 sums, two to a register
//   f16_promoted   f16 sums over one stage of 64 products, then added to f32 sums
//
// A tile: begin(); for each stage start(), multiply() for the steps of a group's blocks and commit(), kGroups times,
// then wait<kPending>(), after which stages but the last kPending have been read, and add(); then drain(). After that
// value(block, j, e) is, of columns 8 j .. 8 j + 7 of a block, element e as in mma m16n8: row l / 4 + 8 (e / 2) of the
// warp's 16, column 2 (l % 4) + e % 2; packed(block, j, e) is elements e and e + 1 (e is even), rounded once.
#pragma once

#include "ptx/convert.cuh"
#include "ptx/wgmma.cuh"
#include "swiglu/config.h"
#include "swiglu/element.cuh"

namespace swiglu {

// Of blocks from `block` and groups of 8 columns from `group` on.
template <int kColumns, typename Register, int kBlocks, int kCount>
__device__ __forceinline__ void keep_all(Register (&registers)[kBlocks][kCount], int block = 0, int group = 0) {
#pragma unroll
  for (int at = block; at < kBlocks; ++at) {
#pragma unroll
    for (int i = group * 8 * kCount / kColumns; i < kCount; ++i) {
      ptx::keep(registers[at][i]);
    }
  }
}

// Sums that stay in the accumulators of wgmma.
template <DType kDType, Accum kAccum, int kBlocks, int kN>
class WgmmaAccumulators {
  static constexpr bool kF16 = kAccum == Accum::f16;
  using Instruction = ptx::Wgmma<kDType, kF16, kN>;

 public:
  static constexpr int kGroups = 1;
  static constexpr int kMostPending = 1;  // stages that may be unfinished while the next is issued

  // kClear: for outputs that need registers. To the compiler the first product of a tile reads the sums, though it
  // does not, and would keep those of the tile before until then.
  template <bool kClear>
  __device__ __forceinline__ void begin() {
    empty_ = true;
    if constexpr (kClear) {
#pragma unroll
      for (int block = 0; block < kBlocks; ++block) {
#pragma unroll
        for (int i = 0; i < kRegisters; ++i) {
          sums_[block][i] = 0;
        }
      }
    }
  }
  __device__ __forceinline__ void start() { ptx::wgmma_fence(); }
  __device__ __forceinline__ void commit() { ptx::wgmma_commit(); }

  template <bool kTransA, bool kTransB>
  __device__ __forceinline__ void multiply(int block, unsigned long long a, unsigned long long b, int step) {
    Instruction::template multiply<kTransA, kTransB>(sums_[block], a, b, !empty_ || step > 0);
  }

  template <int kPending>
  __device__ __forceinline__ void wait() {
    ptx::wgmma_wait<kPending>();
    empty_ = false;
  }
  __device__ __forceinline__ void add() {}

  __device__ __forceinline__ void drain() {
    ptx::wgmma_wait<0>();
    hold();
  }

  // What was computed of these sums before is not held in registers beyond this.
  __device__ __forceinline__ void hold(int block = 0, int group = 0) { keep_all<kN>(sums_, block, group); }

  __device__ __forceinline__ float value(int block, int j, int e) const {
    if constexpr (kF16) {
      float low;
      float high;
      ptx::unpack_f16x2(sums_[block][2 * j + e / 2], low, high);
      return e % 2 == 0 ? low : high;
    } else {
      return sums_[block][4 * j + e];
    }
  }

  __device__ __forceinline__ unsigned packed(int block, int j, int e) const {
    if constexpr (kF16) {
      return sums_[block][2 * j + e / 2];
    } else {
      return pack<kDType>(value(block, j, e), value(block, j, e + 1));
    }
  }

 private:
  static constexpr int kRegisters = kF16 ? kN / 4 : kN / 2;
  typename Instruction::Register sums_[kBlocks][kRegisters];
  bool empty_ = true;
};

// Each block is a group, so that one can be added while the next is multiplied. (Beyond a stage ptxas would not have
// it.)
template <int kBlocks, int kN>
class WgmmaAccumulators<DType::f16, Accum::f16_promoted, kBlocks, kN> {
  static_assert(kPromotionK == kSwizzledElements, "a chunk is a stage");
  using Instruction = ptx::Wgmma<DType::f16, true, kN>;

 public:
  static constexpr int kGroups = kBlocks;
  static constexpr int kMostPending = 0;

  template <bool /*kClear*/>
  __device__ __forceinline__ void begin() {
#pragma unroll
    for (int block = 0; block < kBlocks; ++block) {
#pragma unroll
      for (int i = 0; i < kN / 2; ++i) {
        sums_[block][i] = 0.0f;
      }
    }
  }
  __device__ __forceinline__ void start() { ptx::wgmma_fence(); }
  __device__ __forceinline__ void commit() { ptx::wgmma_commit(); }

  template <bool kTransA, bool kTransB>
  __device__ __forceinline__ void multiply(int block, unsigned long long a, unsigned long long b, int step) {
    Instruction::template multiply<kTransA, kTransB>(partial_[block], a, b, step > 0);
  }

  template <int kPending>
  __device__ __forceinline__ void wait() {
    static_assert(kPending == 0);
    wait_from<0>();
  }
  __device__ __forceinline__ void add() { add(kBlocks - 1); }

  __device__ __forceinline__ void drain() {}
  __device__ __forceinline__ void hold(int block = 0, int group = 0) { keep_all<kN>(sums_, block, group); }

  __device__ __forceinline__ float value(int block, int j, int e) const { return sums_[block][4 * j + e]; }

  __device__ __forceinline__ unsigned packed(int block, int j, int e) const {
    return pack<DType::f16>(value(block, j, e), value(block, j, e + 1));
  }

 private:
  // Until this block and those after it are complete; adds all but the last.
  template <int kBlock>
  __device__ __forceinline__ void wait_from() {
    ptx::wgmma_wait<kBlocks - 1 - kBlock>();
    if constexpr (kBlock + 1 < kBlocks) {
      add(kBlock);
      wait_from<kBlock + 1>();
    }
  }

  __device__ __forceinline__ void add(int block) {
#pragma unroll
    for (int i = 0; i < kN / 4; ++i) {
      ptx::keep(partial_[block][i]);
      sums_[block][2 * i] += ptx::low_f16_to_float(partial_[block][i]);
      sums_[block][2 * i + 1] += ptx::high_f16_to_float(partial_[block][i]);
    }
  }

  float sums_[kBlocks][kN / 2];
  unsigned partial_[kBlocks][kN / 4];
};

}  // namespace swiglu
