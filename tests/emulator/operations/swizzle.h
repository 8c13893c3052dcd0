// The swizzles of tensor maps and operand descriptors: a permutation of the 16-byte chunks of shared memory within
// spans of 32, 64 or 128 bytes, by address alone. The pattern repeats every 8 spans.
#pragma once

namespace swiglu::emulator {

inline constexpr unsigned kSwizzleChunk = 16;
inline constexpr unsigned kSwizzleRows = 8;

// Where the byte lies whose place would be `address` without a swizzle; `span` 0 is none.
constexpr unsigned swizzled(unsigned address, unsigned span) {
  constexpr unsigned kRowBit = 7;
  return span == 0 ? address : address ^ ((address >> kRowBit & (span / kSwizzleChunk - 1)) * kSwizzleChunk);
}

// What the start of a swizzled tile must be a multiple of.
constexpr unsigned swizzle_alignment(unsigned span) {
  constexpr unsigned kUnswizzled = 128;
  return span == 0 ? kUnswizzled : span * kSwizzleRows;
}

}  // namespace swiglu::emulator
