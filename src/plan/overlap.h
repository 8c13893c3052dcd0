// Whether two matrices in memory share a byte. Exact for equal row pitch, so that column blocks of one padded matrix
// pass; for different pitches their whole ranges of addresses must be apart. Pure.
#pragma once

#include <cstdint>

namespace swiglu {

// Rows of row_bytes, each `pitch` bytes after the last. start + rows * pitch is within int64.
struct Region {
  std::int64_t start;
  std::int64_t rows;
  std::int64_t row_bytes;  // <= pitch
  std::int64_t pitch;
};

bool may_overlap(const Region& a, const Region& b);

}  // namespace swiglu
