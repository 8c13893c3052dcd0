// The product that a configuration computes at m (swiglu/problem.h), in numbers, for estimates. Pure.
#pragma once

#include <cstdint>

#include "base/arch.h"
#include "swiglu/config.h"

namespace swiglu {

struct ProductSizes {
  double rows;
  double columns;        // of the whole result, in each half that is of a matrix of its own
  double depth;          // of all segments; of one split
  std::int64_t steps;    // of a block
  std::int64_t splits;   // 1, but for sums over tokens
  double b_matrices;     // that the halves are of
  double element_reads;  // of 16 bits, besides the operands, for each element of a half
  double element_bytes;  // stored for each element of both halves
};

// Of the result, with what is read for it besides the operands.
inline double result_bytes(const ProductSizes& sizes) {
  return sizes.rows * sizes.columns * sizes.b_matrices / 2 * static_cast<double>(sizes.splits) *
         (sizes.element_bytes + sizes.element_reads * kElementBytes);
}

// Of so many rows of it, those beyond its own included.
inline double product_flops(const ProductSizes& sizes, double rows) {
  return 2.0 * rows * sizes.columns * sizes.b_matrices * sizes.depth * static_cast<double>(sizes.splits);
}

// m >= 1.
ProductSizes product_sizes(const KernelConfig&, std::int64_t m, const DeviceSpec&);

}  // namespace swiglu
