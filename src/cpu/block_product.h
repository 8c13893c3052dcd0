// One block of a product of two matrices: sums[row][half][column] += a[row][k] * b_half[k][column], the common inner
// part of the CPU device's passes.
//
// kDepth steps of the operands are widened into panels that stay in the L2 cache and multiplied, then the next. Every
// sum takes its products one by one in increasing k. A Scratch is used from one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "cpu/micro_kernel.h"
#include "cpu/pack.h"

namespace swiglu::cpu {

inline constexpr int kRowBlock = 96;      // a multiple of every micro-kernel's rows
inline constexpr int kColumnBlock = 128;  // of each half; a multiple of every micro-kernel's columns
inline constexpr int kDepth = 256;

// A matrix as an operand. Its lanes (rows of a, columns of b) are rows in memory, contiguous along k, or columns.
template <typename Real>
struct Source {
  DType dtype;
  const std::uint16_t* narrow;  // elements of dtype; null: those at `wide`
  const Real* wide;
  long long pitch;
  bool lanes_are_rows;

  void pack(long long lane, int lanes, long long k, int depth, int width, Real* panels) const {
    const long long offset = lanes_are_rows ? lane * pitch + k : k * pitch + lane;
    if (narrow != nullptr) {
      const Block block{dtype, narrow + offset, pitch};
      lanes_are_rows ? pack_rows(block, lanes, depth, width, panels) : pack_columns(block, lanes, depth, width, panels);
    } else {
      const WideBlock<Real> block{wide + offset, pitch};
      lanes_are_rows ? pack_rows(block, lanes, depth, width, panels) : pack_columns(block, lanes, depth, width, panels);
    }
  }
};

// Which block of the result: rows and columns that are inside.
struct BlockPlace {
  long long row;
  long long column;
  int rows;     // <= kRowBlock
  int columns;  // <= kColumnBlock

  // Consecutive blocks share their columns, hence their part of b.
  static BlockPlace of(long long index, long long all_rows, long long all_columns) {
    const long long row_blocks = blocks(all_rows, kRowBlock);
    const long long row = index % row_blocks * kRowBlock;
    const long long column = index / row_blocks * kColumnBlock;
    return {row, column, static_cast<int>(std::min<long long>(kRowBlock, all_rows - row)),
            static_cast<int>(std::min<long long>(kColumnBlock, all_columns - column))};
  }
  static long long count(long long all_rows, long long all_columns) {
    return blocks(all_rows, kRowBlock) * blocks(all_columns, kColumnBlock);
  }

 private:
  static long long blocks(long long extent, int block) { return (extent + block - 1) / block; }
};

template <typename Real>
class BlockProduct {
 public:
  static constexpr int kPitch = 2 * kColumnBlock;

  void begin() { std::fill(sums_.begin(), sums_.end(), Real{0}); }

  // One or two halves.
  void add(const BlockPlace& place, const Source<Real>& a, std::span<const Source<Real>> b, long long all_depth) {
    for (long long k = 0; k < all_depth; k += kDepth) {
      const int depth = static_cast<int>(std::min<long long>(kDepth, all_depth - k));
      a.pack(place.row, place.rows, k, depth, kernel_.rows, a_.data());
      Real* sums = sums_.data();
      for (const Source<Real>& half : b) {
        half.pack(place.column, place.columns, k, depth, kernel_.columns, b_.data());
        multiply(place, depth, sums);
        sums += kColumnBlock;
      }
    }
  }

  // [row][half][column], rows kPitch apart.
  const Real* sums() const { return sums_.data(); }

 private:
  void multiply(const BlockPlace& place, int depth, Real* sums) const {
    for (int c = 0; c < place.columns; c += kernel_.columns) {
      for (int r = 0; r < place.rows; r += kernel_.rows) {
        kernel_.accumulate(depth, a_.data() + static_cast<long long>(r) * depth,
                           b_.data() + static_cast<long long>(c) * depth, sums + static_cast<long long>(r) * kPitch + c,
                           kPitch);
      }
    }
  }

  const MicroKernel<Real>& kernel_ = micro_kernel(Real{});
  std::vector<Real> a_ = std::vector<Real>(std::size_t{kRowBlock} * kDepth);
  std::vector<Real> b_ = std::vector<Real>(std::size_t{kColumnBlock} * kDepth);
  std::vector<Real> sums_ = std::vector<Real>(std::size_t{kRowBlock} * kPitch);
};

}  // namespace swiglu::cpu
