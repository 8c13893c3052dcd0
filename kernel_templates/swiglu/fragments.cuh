// mma fragments out of the shared tiles of one stage: the rows of A and the columns of both halves of B that a warp
// multiplies, from tiles of either majorness.
//
// Addresses are computed once a kernel. A step along k and a step along rows or columns each add a constant or flip the
// bits of a chunk, whichever the majorness makes of them (shared_tile.cuh).
#pragma once

#include "ptx/ldmatrix.cuh"
#include "swiglu/config.h"
#include "swiglu/shared_tile.cuh"

namespace swiglu {

// What a warp holds for one m16n8k16 step: kMmaM x (kMmaN + kMmaN) mma operations.
template <KernelConfig C>
struct Fragments {
  static constexpr int kMmaM = C.tile.m / C.tile.warps_m / 16;
  static constexpr int kMmaN = C.tile.n / C.tile.warps_n / 8;
  unsigned a[kMmaM][4];
  unsigned b[2][kMmaN][2];
};

template <KernelConfig C>
class FragmentReader {
  static constexpr bool kARowsAreK = product(C.problem).a == Major::mn;
  static constexpr bool kBRowsAreK = product(C.problem).b == Major::mn;
  static constexpr unsigned kABytes = C.tile.m * C.tile.k * kElementBytes;
  static constexpr unsigned kBBytes = C.tile.n * C.tile.k * kElementBytes;
  using ATile = SharedTile<kARowsAreK ? C.tile.m : C.tile.k>;
  using BTile = SharedTile<kBRowsAreK ? C.tile.n : C.tile.k>;

 public:
  // warp_row, warp_column: where this warp's part of the output tile starts.
  __device__ __forceinline__ FragmentReader(int warp_row, int warp_column) {
    const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
    a_offset_ = kARowsAreK ? ATile::offset(lane / 16 * 8 + lane % 8, warp_row / kChunkElements + lane / 8 % 2)
                           : ATile::offset(warp_row + lane % 16, lane / 16);
    b_offset_ = kABytes + (kBRowsAreK ? BTile::offset(lane % 16, warp_column / kChunkElements + lane / 16)
                                      : BTile::offset(warp_column + lane / 16 * 8 + lane % 8, lane / 8 % 2));
  }

  // Of products 16 * step .. 16 * step + 15 of the stage that starts at stage_address (a multiple of 1024).
  __device__ __forceinline__ void read(Fragments<C>& fragments, unsigned stage_address, int step) const {
    read_a(fragments.a, stage_address + a_offset_, step);
    read_b(fragments.b[0], stage_address + b_offset_, step);
    read_b(fragments.b[1], stage_address + b_offset_ + kBBytes, step);
  }

 private:
  static constexpr int kMmaM = Fragments<C>::kMmaM;
  static constexpr int kMmaN = Fragments<C>::kMmaN;
  static constexpr int kChunkStep = 2 * kChunkBytes;  // 16 elements of a row

  __device__ static __forceinline__ void read_a(unsigned (&a)[kMmaM][4], unsigned address, int step) {
    constexpr int kRowStep = 16 * ATile::kRowBytes;
#pragma unroll
    for (int i = 0; i < kMmaM; ++i) {
      if constexpr (kARowsAreK) {
        ptx::ldmatrix_x4_trans(
            a[i], (address ^ static_cast<unsigned>(i * kChunkStep)) + static_cast<unsigned>(step * kRowStep));
      } else {
        ptx::ldmatrix_x4(a[i],
                         (address ^ static_cast<unsigned>(step * kChunkStep)) + static_cast<unsigned>(i * kRowStep));
      }
    }
  }

  // Two neighbouring n8 operands at a time.
  __device__ static __forceinline__ void read_b(unsigned (&b)[kMmaN][2], unsigned address, int step) {
    constexpr int kRowStep = 16 * BTile::kRowBytes;
#pragma unroll
    for (int j = 0; j < kMmaN; j += 2) {
      unsigned pair[4];
      if constexpr (kBRowsAreK) {
        ptx::ldmatrix_x4_trans(
            pair, (address ^ static_cast<unsigned>(j / 2 * kChunkStep)) + static_cast<unsigned>(step * kRowStep));
      } else {
        ptx::ldmatrix_x4(
            pair, (address ^ static_cast<unsigned>(step * kChunkStep)) + static_cast<unsigned>(j / 2 * kRowStep));
      }
      b[j][0] = pair[0];
      b[j][1] = pair[1];
      b[j + 1][0] = pair[2];
      b[j + 1][1] = pair[3];
    }
  }

  unsigned a_offset_;  // bytes from a stage's start to what this lane passes to ldmatrix
  unsigned b_offset_;  // the same for the first half of B; the second follows at kBBytes
};

}  // namespace swiglu
