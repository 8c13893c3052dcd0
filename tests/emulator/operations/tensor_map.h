// Tensor maps as the emulator understands them: the description of a matrix and a box, in the opaque bytes that kernels
// pass on. Encoding enforces the driver's rules.
#pragma once

#include <cstddef>
#include <cstdint>

#include "swiglu/params.h"

namespace swiglu::emulator {

struct TensorMapFields {
  std::uint64_t magic;
  unsigned char* base;
  std::int64_t rows;
  std::int64_t columns;      // elements
  std::int64_t pitch_bytes;  // from row to row
  int box_rows;
  int box_columns;
  unsigned swizzle_bytes;  // 0, 32, 64 or 128
  int element_bytes;

  std::size_t box_row_bytes() const {
    return static_cast<std::size_t>(box_columns) * static_cast<std::size_t>(element_bytes);
  }
  // From row to row of a box in shared memory.
  std::size_t box_pitch() const { return swizzle_bytes == 0 ? box_row_bytes() : swizzle_bytes; }
};

// Throws std::invalid_argument for what cuTensorMapEncodeTiled would refuse.
TensorMap make_tensor_map(const void* base, std::int64_t rows, std::int64_t columns, std::int64_t pitch_bytes,
                          int box_rows, int box_columns, unsigned swizzle_bytes, int element_bytes = 2);

// nullptr: not made by make_tensor_map().
const TensorMapFields* fields_of(const TensorMap& map);

}  // namespace swiglu::emulator
