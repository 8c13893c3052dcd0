// When a result is right: relative Frobenius error against float64, over the whole and over the worst 64x64 block.
// The rule and its reasons are docs/numerics.md, "Error limits"; this is the one place in code.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <span>

namespace swiglu::tool {

inline constexpr std::int64_t kBlock = 64;  // rows and columns of a block

struct Limits {
  double whole;
  double block;
};

// Of `elements` results stored as `dtype` (BF16 or F16) and accumulated in `accum` over d_model products. The CPU
// device accumulates F16 and F16_PROMOTED in f32: pass what was really used.
Limits error_limits(swiglu_dtype dtype, swiglu_accum accum, std::int64_t d_model, std::int64_t elements);

struct Errors {
  double whole = 0;
  double worst_block = 0;
  std::int64_t worst_row = 0;  // first row and column of the worst block
  std::int64_t worst_column = 0;
};

// Of row-major [rows, columns] matrices. A block weaker than its share of the whole is judged against that share:
// a few elements may be small by cancellation alone. A NaN or Inf that `expected` lacks makes the error infinite.
Errors measure_errors(std::span<const double> expected, std::span<const double> actual, std::int64_t columns);

inline bool within(const Errors& errors, const Limits& limits) {
  return errors.whole <= limits.whole && errors.worst_block <= limits.block;
}

}  // namespace swiglu::tool
