// Where the elements of wgmma operands lie in shared memory, and the descriptors that say so: written down from the
// layouts themselves, independently of operations/.
//
// An operand has `rows` (along m or n) and kDepth of k. K-major: tiles of one swizzle span of k, row after row.
// MN-major: atoms of one span of rows, k after k. A chunk of 8 elements is moved within its span by the number of its
// line (the row, or k) in the pattern of 8 spans.
#pragma once

#include <string>
#include <utility>

namespace swiglu::emulator {

struct OperandLayout {
  static constexpr unsigned kDepth = 64;

  bool k_major;
  unsigned span;  // bytes: 128, 64, 32, or 0 without a swizzle
  unsigned rows;
  bool swap_strides = false;  // a mistake

  unsigned bytes() const { return rows * kDepth * 2; }

  unsigned offset(unsigned row, unsigned k) const {
    const unsigned line = k_major ? row : k;
    const unsigned along = k_major ? k : row;
    const unsigned lines = k_major ? rows : kDepth;
    if (span == 0) {
      return along / 8 * lines * 16 + line * 16 + along % 8 * 2;
    }
    const unsigned elements = span / 2;
    const unsigned moved = span == 128 ? line & 7 : span == 64 ? line >> 1 & 3 : line >> 2 & 1;
    return along / elements * lines * span + line * span + ((along % elements / 8) ^ moved) * 16 + along % 8 * 2;
  }

  // Of the 16 of k from 16 * step on; `start` is the shared address of the operand.
  unsigned long long descriptor(unsigned start, unsigned step) const {
    const unsigned steps_in_span = span / 32;
    unsigned leading = 0;
    unsigned stride = 8 * span;
    unsigned advance = 0;
    if (k_major && span == 0) {
      leading = rows * 16;
      stride = 128;
      advance = step * rows * 32;
    } else if (k_major) {
      advance = step / steps_in_span * rows * span + step % steps_in_span * 32;
    } else if (span == 0) {
      leading = 128;
      stride = kDepth * 16;
      advance = step * 256;
    } else {
      leading = kDepth * span;
      advance = step * 16 * span;
    }
    if (swap_strides) {
      std::swap(leading, stride);
    }
    const unsigned long long swizzle = span == 128 ? 1 : span == 64 ? 2 : span == 32 ? 3 : 0;
    return (start + advance) >> 4 | static_cast<unsigned long long>(leading >> 4) << 16 |
           static_cast<unsigned long long>(stride >> 4) << 32 | swizzle << 62;
  }

  std::string text() const {
    return std::string(k_major ? "K" : "MN") + "-major, swizzle " + std::to_string(span) + ", " + std::to_string(rows) +
           " rows";
  }
};

}  // namespace swiglu::emulator
