#include "plan/execution.h"

#include <array>
#include <span>

#include "base/error.h"
#include "plan/operand.h"

namespace swiglu {

Pass forward_pass(const PlanSpec& spec, const swiglu_forward_args& args) {
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

Execution check_execution(const PlanSpec& spec, Pass pass, const swiglu_forward_args& args,
                          std::size_t workspace_wanted) {
  const bool kn = spec.layout == Layout::kn;
  const std::int64_t weight_rows = kn ? spec.d_model : spec.d_intermediate;
  const std::int64_t weight_row = kn ? spec.d_intermediate : spec.d_model;
  const int out_bytes = element_bytes(spec.out_dtype);
  std::array<Operand, 7> operands{{
      {"x", args.x, args.m, spec.d_model, spec.ld_x, kElementBytes},
      {"w_gate", args.w_gate, weight_rows, weight_row, spec.ld_w_gate, kElementBytes},
      {"w_up", args.w_up, weight_rows, weight_row, spec.ld_w_up, kElementBytes},
      {"out", args.out, args.m, spec.d_intermediate, spec.ld_out, out_bytes},
      {"g", args.g, args.m, spec.d_intermediate, spec.ld_g, out_bytes},
      {"u", args.u, args.m, spec.d_intermediate, spec.ld_u, out_bytes},
  }};
  std::size_t count = pass == Pass::forward ? 4 : 6;
  std::uintptr_t addresses = 0;
  for (std::size_t i = 0; i < count; ++i) {
    check_pointer(operands[i]);
    addresses |= reinterpret_cast<std::uintptr_t>(operands[i].pointer);
  }
  const bool lent = workspace_wanted > 0 && args.workspace_size >= workspace_wanted;
  check_workspace(args.workspace, args.workspace_size, lent ? workspace_wanted : 0, args.m);
  if (lent) {
    const auto bytes = static_cast<std::int64_t>(workspace_wanted);
    operands[count++] = {"workspace", args.workspace, 1, bytes, bytes, 1};
  }
  constexpr std::size_t kInputs = 3;
  check_overlaps(std::span(operands).first(count), kInputs);
  const auto access_bytes = static_cast<std::uintptr_t>(problem_of(spec, pass).access_bytes);
  return {pass,
          addresses % access_bytes == 0,
          {args.x, args.w_gate, args.w_up, args.out, args.g, args.u, args.m, spec.ld_x, spec.ld_w_gate, spec.ld_w_up,
           spec.ld_out, spec.ld_g, spec.ld_u},
          lent ? args.workspace : nullptr};
}

}  // namespace swiglu
