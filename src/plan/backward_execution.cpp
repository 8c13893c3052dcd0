#include "plan/backward_execution.h"

#include <array>
#include <span>

#include "base/error.h"
#include "plan/operand.h"

namespace swiglu {
namespace {

bool is_recompute(const PlanSpec& spec, const swiglu_backward_args& args) {
  if ((args.g == nullptr) != (args.u == nullptr)) {
    fail(SWIGLU_INVALID_ARGUMENT,
         "{} is NULL and {} is not: set both (SWIGLU_PASS_BACKWARD) or neither (SWIGLU_PASS_BACKWARD_RECOMPUTE)",
         args.g == nullptr ? "g" : "u", args.g == nullptr ? "u" : "g");
  }
  const bool recompute = args.g == nullptr;
  if ((spec.passes & (recompute ? SWIGLU_PASS_BACKWARD_RECOMPUTE : SWIGLU_PASS_BACKWARD)) == 0) {
    fail(SWIGLU_INVALID_ARGUMENT, "g and u are {}, which asks for {}, and the plan was made with passes = {:#x}",
         recompute ? "NULL" : "set", recompute ? "SWIGLU_PASS_BACKWARD_RECOMPUTE (8)" : "SWIGLU_PASS_BACKWARD (4)",
         spec.passes);
  }
  return recompute;
}

// The operands that count, inputs first.
class Operands {
 public:
  void add_input(const Operand& operand) {
    add(operand);
    ++inputs_;
  }
  void add_output(const Operand& operand) {
    if (operand.pointer != nullptr) {
      add(operand);
    }
  }
  void check_overlaps() const { swiglu::check_overlaps(std::span(operands_).first(count_), inputs_); }

 private:
  void add(const Operand& operand) {
    check_pointer(operand);
    operands_[count_++] = operand;
  }

  std::array<Operand, kMaxOperands> operands_{};
  std::size_t count_ = 0;
  std::size_t inputs_ = 0;
};

BackwardParams params_of(const PlanSpec& spec, const swiglu_backward_args& args) {
  BackwardParams params{};
  params.dout = args.dout;
  params.x = args.x;
  params.w_gate = args.w_gate;
  params.w_up = args.w_up;
  params.g = args.g;
  params.u = args.u;
  params.dx = args.dx;
  params.dw_gate = args.dw_gate;
  params.dw_up = args.dw_up;
  params.m = args.m;
  params.ld_dout = spec.ld_dout;
  params.ld_x = spec.ld_x;
  params.ld_w_gate = spec.ld_w_gate;
  params.ld_w_up = spec.ld_w_up;
  params.ld_g = spec.ld_g;
  params.ld_u = spec.ld_u;
  params.ld_dx = spec.ld_dx;
  params.ld_dw_gate = spec.ld_dw_gate;
  params.ld_dw_up = spec.ld_dw_up;
  params.accumulate = args.dw_beta;
  return params;
}

}  // namespace

BackwardExecution check_backward(const PlanSpec& spec, const swiglu_backward_args& args, std::size_t workspace_wanted) {
  if (args.dw_beta != 0 && args.dw_beta != 1) {
    fail(SWIGLU_INVALID_ARGUMENT, "dw_beta is {}; it must be 0 (write) or 1 (add)", args.dw_beta);
  }
  if ((spec.passes & (SWIGLU_PASS_BACKWARD | SWIGLU_PASS_BACKWARD_RECOMPUTE)) == 0) {
    fail(SWIGLU_INVALID_ARGUMENT,
         "the plan was made with passes = {:#x}, without SWIGLU_PASS_BACKWARD (4) and SWIGLU_PASS_BACKWARD_RECOMPUTE "
         "(8)",
         spec.passes);
  }
  BackwardExecution execution{};
  execution.params = params_of(spec, args);
  execution.workspace = args.workspace;
  BackwardParams& params = execution.params;
  const bool tokens = args.m > 0;
  if (tokens) {
    execution.recompute = is_recompute(spec, args);
  } else {
    params.dx = nullptr;  // [0, d_model]
  }
  const bool reads_x = tokens && (execution.recompute || execution.wants_dw());
  const bool reads_weights = tokens && (execution.recompute || execution.wants_dx());
  const bool kn = spec.layout == Layout::kn;
  const std::int64_t weight_rows = kn ? spec.d_model : spec.d_intermediate;
  const std::int64_t weight_row = kn ? spec.d_intermediate : spec.d_model;
  const int out_bytes = element_bytes(spec.out_dtype);
  const int dw_bytes = element_bytes(spec.dw_dtype);
  Operands operands;
  if (tokens) {
    operands.add_input({"dout", args.dout, args.m, spec.d_intermediate, spec.ld_dout, out_bytes});
    if (!execution.recompute) {
      operands.add_input({"g", args.g, args.m, spec.d_intermediate, spec.ld_g, out_bytes});
      operands.add_input({"u", args.u, args.m, spec.d_intermediate, spec.ld_u, out_bytes});
    }
  }
  if (reads_x) {
    operands.add_input({"x", args.x, args.m, spec.d_model, spec.ld_x, kElementBytes});
  } else {
    params.x = nullptr;
  }
  if (reads_weights) {
    operands.add_input({"w_gate", args.w_gate, weight_rows, weight_row, spec.ld_w_gate, kElementBytes});
    operands.add_input({"w_up", args.w_up, weight_rows, weight_row, spec.ld_w_up, kElementBytes});
  } else {
    params.w_gate = nullptr;
    params.w_up = nullptr;
  }
  operands.add_output({"dx", params.dx, args.m, spec.d_model, spec.ld_dx, out_bytes});
  operands.add_output({"dw_gate", args.dw_gate, weight_rows, weight_row, spec.ld_dw_gate, dw_bytes});
  operands.add_output({"dw_up", args.dw_up, weight_rows, weight_row, spec.ld_dw_up, dw_bytes});
  if (execution.wants_dx() || execution.wants_dw()) {
    check_workspace(args.workspace, args.workspace_size, workspace_wanted, args.m);
  }
  if (workspace_wanted > 0 && args.workspace != nullptr) {
    const auto bytes = static_cast<std::int64_t>(workspace_wanted);
    operands.add_output({"workspace", args.workspace, 1, bytes, bytes, 1});
  }
  operands.check_overlaps();
  return execution;
}

}  // namespace swiglu
