// A matrix that a caller passes, and the checks that all executions share. Reads and writes no memory of the caller's.
// Allocates nothing unless it throws. No state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace swiglu {

struct Operand {
  const char* name;
  const void* pointer;
  std::int64_t rows;
  std::int64_t row_length;  // elements, as ld
  std::int64_t ld;
  int element_bytes;
};

// Neither NULL nor off its elements' alignment. Throws Error{INVALID_ARGUMENT}.
void check_pointer(const Operand&);

// Of `operands` the first `inputs` may share memory among themselves; everything after them must be apart from all
// others. At most kMaxOperands. Throws Error{INVALID_ARGUMENT}, also for what ends beyond 64-bit addresses.
inline constexpr std::size_t kMaxOperands = 12;
void check_overlaps(std::span<const Operand> operands, std::size_t inputs);

// Throws Error{INVALID_ARGUMENT} or {WORKSPACE_TOO_SMALL}.
void check_workspace(const void* workspace, std::size_t size, std::size_t wanted, std::int64_t m);

}  // namespace swiglu
