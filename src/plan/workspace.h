// How matrices lie in the caller's workspace: rows of 16-byte multiples, matrices one after another at multiples of 256
// bytes. Pure; allocates nothing unless it throws.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "swiglu/config.h"

namespace swiglu {

inline constexpr std::int64_t kWorkspaceRowBytes = 16;
inline constexpr std::size_t kWorkspaceMatrixBytes = 256;

// Elements from row to row.
inline std::int64_t workspace_ld(std::int64_t row_length, int element_bytes) {
  const std::int64_t unit = kWorkspaceRowBytes / element_bytes;
  return ceil_div(row_length, unit) * unit;
}

[[noreturn]] inline void fail_workspace(std::int64_t m) {
  fail(SWIGLU_INVALID_ARGUMENT, "m is {}: the workspace overflows 64 bits in bytes", m);
}

// Bytes of a matrix, up to where the next may begin. m is named in the Error{INVALID_ARGUMENT} where they overflow,
// here and below.
inline std::size_t workspace_bytes(std::int64_t rows, std::int64_t ld, int element_bytes, std::int64_t m) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<std::size_t>(rows), static_cast<std::size_t>(ld * element_bytes), &bytes) ||
      __builtin_add_overflow(bytes, kWorkspaceMatrixBytes - 1, &bytes)) {
    fail_workspace(m);
  }
  return bytes / kWorkspaceMatrixBytes * kWorkspaceMatrixBytes;
}

inline std::size_t add_workspace(std::size_t a, std::size_t b, std::int64_t m) {
  std::size_t bytes = 0;
  if (__builtin_add_overflow(a, b, &bytes) || bytes > static_cast<std::size_t>(INT64_MAX)) {
    fail_workspace(m);
  }
  return bytes;
}

}  // namespace swiglu
