// mma fragments out of the shared tiles of one stage: the rows of x and the columns of Wg and Wu that a warp
// multiplies.
//
// Addresses are computed once a kernel. A step along k and a step along n each add a constant or flip the bits of a
// chunk, whichever the layout makes of them (shared_tile.cuh).
#pragma once

#include "ptx/ldmatrix.cuh"
#include "swiglu/config.h"
#include "swiglu/shared_tile.cuh"

namespace swiglu {

// What a warp holds for one m16n8k16 step: kMmaM x (kMmaN gate + kMmaN up) mma operations.
template <KernelConfig C>
struct Fragments {
  static constexpr int kMmaM = C.tile.m / C.tile.warps_m / 16;
  static constexpr int kMmaN = C.tile.n / C.tile.warps_n / 8;
  unsigned x[kMmaM][4];
  unsigned gate[kMmaN][2];
  unsigned up[kMmaN][2];
};

template <KernelConfig C>
class FragmentReader {
  static constexpr bool kRowsAreK = C.problem.layout == Layout::kn;
  static constexpr int kWeightRow = kRowsAreK ? C.tile.n : C.tile.k;
  static constexpr unsigned kXBytes = C.tile.m * C.tile.k * kElementBytes;
  static constexpr unsigned kWeightBytes = C.tile.n * C.tile.k * kElementBytes;
  using XTile = SharedTile<C.tile.k>;
  using WeightTile = SharedTile<kWeightRow>;

 public:
  // warp_row, warp_column: where this warp's part of the output tile starts.
  __device__ __forceinline__ FragmentReader(int warp_row, int warp_column) {
    const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
    x_offset_ = XTile::offset(warp_row + lane % 16, lane / 16);
    weight_offset_ = kXBytes + (kRowsAreK ? WeightTile::offset(lane % 16, warp_column / kChunkElements + lane / 16)
                                          : WeightTile::offset(warp_column + lane / 16 * 8 + lane % 8, lane / 8 % 2));
  }

  // Of products 16 * step .. 16 * step + 15 of the stage that starts at stage_address (a multiple of 1024).
  __device__ __forceinline__ void read(Fragments<C>& fragments, unsigned stage_address, int step) const {
    const unsigned x_address = (stage_address + x_offset_) ^ static_cast<unsigned>(step * 2 * kChunkBytes);
#pragma unroll
    for (int i = 0; i < Fragments<C>::kMmaM; ++i) {
      ptx::ldmatrix_x4(fragments.x[i], x_address + static_cast<unsigned>(i * 16 * XTile::kRowBytes));
    }
    read_weight(fragments.gate, stage_address + weight_offset_, step);
    read_weight(fragments.up, stage_address + weight_offset_ + kWeightBytes, step);
  }

 private:
  static constexpr int kMmaN = Fragments<C>::kMmaN;

  // Two neighbouring n8 operands at a time.
  __device__ static __forceinline__ void read_weight(unsigned (&weight)[kMmaN][2], unsigned address, int step) {
    constexpr int kRowStep = 16 * WeightTile::kRowBytes;
    constexpr int kChunkStep = 2 * kChunkBytes;
#pragma unroll
    for (int j = 0; j < kMmaN; j += 2) {
      unsigned pair[4];
      if constexpr (kRowsAreK) {
        ptx::ldmatrix_x4_trans(
            pair, (address ^ static_cast<unsigned>(j / 2 * kChunkStep)) + static_cast<unsigned>(step * kRowStep));
      } else {
        ptx::ldmatrix_x4(
            pair, (address ^ static_cast<unsigned>(step * kChunkStep)) + static_cast<unsigned>(j / 2 * kRowStep));
      }
      weight[j][0] = pair[0];
      weight[j][1] = pair[1];
      weight[j + 1][0] = pair[2];
      weight[j + 1][1] = pair[3];
    }
  }

  unsigned x_offset_;       // bytes from a stage's start to what this lane passes to ldmatrix
  unsigned weight_offset_;  // the same for Wg; Wu follows at kWeightBytes
};

}  // namespace swiglu
