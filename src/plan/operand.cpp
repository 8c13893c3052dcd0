#include "plan/operand.h"

#include <array>
#include <limits>

#include "base/error.h"
#include "plan/overlap.h"

namespace swiglu {
namespace {

// The operand's bytes, which must end below 2^63.
Region region_of(const Operand& operand) {
  const std::int64_t pitch = operand.ld * operand.element_bytes;  // checked when the plan was made
  const auto start = reinterpret_cast<std::uintptr_t>(operand.pointer);
  std::int64_t end = 0;
  if (start > static_cast<std::uintptr_t>(std::numeric_limits<std::int64_t>::max()) ||
      __builtin_mul_overflow(operand.rows, pitch, &end) ||
      __builtin_add_overflow(end, static_cast<std::int64_t>(start), &end)) {
    fail(SWIGLU_INVALID_ARGUMENT, "{} at {} is {} rows of {} bytes each, which goes beyond 64-bit addresses",
         operand.name, operand.pointer, operand.rows, pitch);
  }
  return {static_cast<std::int64_t>(start), operand.rows, operand.row_length * operand.element_bytes, pitch};
}

}  // namespace

void check_pointer(const Operand& operand) {
  if (operand.pointer == nullptr) {
    fail(SWIGLU_INVALID_ARGUMENT, "{} is NULL; it must point to {} rows of {} elements", operand.name, operand.rows,
         operand.row_length);
  }
  if (reinterpret_cast<std::uintptr_t>(operand.pointer) % static_cast<std::uintptr_t>(operand.element_bytes) != 0) {
    fail(SWIGLU_INVALID_ARGUMENT, "{} is {}, which is not aligned to its elements of {} bytes", operand.name,
         operand.pointer, operand.element_bytes);
  }
}

void check_overlaps(std::span<const Operand> operands, std::size_t inputs) {
  std::array<Region, kMaxOperands> regions{};
  for (std::size_t i = 0; i < operands.size(); ++i) {
    regions[i] = region_of(operands[i]);
  }
  for (std::size_t output = inputs; output < operands.size(); ++output) {
    for (std::size_t other = 0; other < output; ++other) {
      const bool empty = operands[output].rows == 0 || operands[other].rows == 0;
      if (!empty && may_overlap(regions[output], regions[other])) {
        fail(SWIGLU_INVALID_ARGUMENT, "{} ({}, {} rows, {} bytes apart) overlaps {} ({}, {} rows, {} bytes apart){}",
             operands[output].name, operands[output].pointer, operands[output].rows, regions[output].pitch,
             operands[other].name, operands[other].pointer, operands[other].rows, regions[other].pitch,
             regions[output].pitch == regions[other].pitch
                 ? ""
                 : ": matrices of different pitch must not share a range of addresses");
      }
    }
  }
}

void check_workspace(const void* workspace, std::size_t size, std::size_t wanted, std::int64_t m) {
  constexpr std::uintptr_t kAlignment = 16;
  if (workspace == nullptr && size != 0) {
    fail(SWIGLU_INVALID_ARGUMENT, "workspace is NULL and workspace_size is {}", size);
  }
  if (size < wanted) {
    fail(SWIGLU_WORKSPACE_TOO_SMALL, "workspace_size is {}; m = {} wants {} (swiglu_plan_workspace_size)", size, m,
         wanted);
  }
  if (wanted > 0 && reinterpret_cast<std::uintptr_t>(workspace) % kAlignment != 0) {
    fail(SWIGLU_INVALID_ARGUMENT, "workspace is {}, which is not aligned to {} bytes", workspace, kAlignment);
  }
}

}  // namespace swiglu
