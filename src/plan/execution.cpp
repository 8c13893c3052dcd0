#include "plan/execution.h"

#include <array>
#include <limits>

#include "base/error.h"
#include "plan/overlap.h"

namespace swiglu {
namespace {

struct Operand {
  const char* name;
  const void* pointer;
  std::int64_t rows;
  std::int64_t row_length;  // elements, as ld
  std::int64_t ld;
  int element_bytes;
};

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

constexpr std::size_t kInputs = 3;

void check_overlaps(const std::array<Operand, 6>& operands, std::size_t count) {
  std::array<Region, 6> regions{};
  for (std::size_t i = 0; i < count; ++i) {
    regions[i] = region_of(operands[i]);
  }
  for (std::size_t output = kInputs; output < count; ++output) {
    for (std::size_t other = 0; other < output; ++other) {
      if (may_overlap(regions[output], regions[other])) {
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

Pass pass_of(const PlanSpec& spec, const swiglu_forward_args& args) {
  if ((args.g == nullptr) != (args.u == nullptr)) {
    fail(SWIGLU_INVALID_ARGUMENT, "{} is NULL and {} is not: set both (SWIGLU_PASS_FORWARD_STORE) or neither",
         args.g == nullptr ? "g" : "u", args.g == nullptr ? "u" : "g");
  }
  const Pass pass = args.g == nullptr ? Pass::forward : Pass::forward_store;
  if (!wants(spec, pass)) {
    fail(SWIGLU_INVALID_ARGUMENT, "g and u are {}, which asks for {}, and the plan was made with passes = {:#x}",
         args.g == nullptr ? "NULL" : "set",
         args.g == nullptr ? "SWIGLU_PASS_FORWARD (1)" : "SWIGLU_PASS_FORWARD_STORE (2)", spec.passes);
  }
  return pass;
}

void check_workspace(const PlanSpec& spec, Pass pass, const swiglu_forward_args& args) {
  if (args.workspace == nullptr && args.workspace_size != 0) {
    fail(SWIGLU_INVALID_ARGUMENT, "workspace is NULL and workspace_size is {}", args.workspace_size);
  }
  const std::size_t wanted = workspace_bytes(spec, pass, args.m);
  if (args.workspace_size < wanted) {
    fail(SWIGLU_WORKSPACE_TOO_SMALL, "workspace_size is {}; m = {} wants {} (swiglu_plan_workspace_size)",
         args.workspace_size, args.m, wanted);
  }
}

}  // namespace

std::size_t workspace_bytes(const PlanSpec&, Pass, std::int64_t) {
  return 0;  // every kernel so far keeps its sums in registers from the first product to the store
}

Execution check_execution(const PlanSpec& spec, const swiglu_forward_args& args) {
  const Pass pass = pass_of(spec, args);
  const bool kn = spec.layout == Layout::kn;
  const std::int64_t weight_rows = kn ? spec.d_model : spec.d_intermediate;
  const std::int64_t weight_row = kn ? spec.d_intermediate : spec.d_model;
  const int out_bytes = element_bytes(spec.out_dtype);
  const std::array<Operand, 6> operands{{
      {"x", args.x, args.m, spec.d_model, spec.ld_x, kElementBytes},
      {"w_gate", args.w_gate, weight_rows, weight_row, spec.ld_w_gate, kElementBytes},
      {"w_up", args.w_up, weight_rows, weight_row, spec.ld_w_up, kElementBytes},
      {"out", args.out, args.m, spec.d_intermediate, spec.ld_out, out_bytes},
      {"g", args.g, args.m, spec.d_intermediate, spec.ld_g, out_bytes},
      {"u", args.u, args.m, spec.d_intermediate, spec.ld_u, out_bytes},
  }};
  const std::size_t count = pass == Pass::forward ? 4 : 6;
  std::uintptr_t addresses = 0;
  for (std::size_t i = 0; i < count; ++i) {
    check_pointer(operands[i]);
    addresses |= reinterpret_cast<std::uintptr_t>(operands[i].pointer);
  }
  check_overlaps(operands, count);
  check_workspace(spec, pass, args);
  const auto access_bytes = static_cast<std::uintptr_t>(problem_of(spec, pass).access_bytes);
  return {pass,
          addresses % access_bytes == 0,
          {args.x, args.w_gate, args.w_up, args.out, args.g, args.u, args.m, spec.ld_x, spec.ld_w_gate, spec.ld_w_up,
           spec.ld_out, spec.ld_g, spec.ld_u}};
}

}  // namespace swiglu
