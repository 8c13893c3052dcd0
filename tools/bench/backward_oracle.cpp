// Two small problems: see backward_oracle.h.
#include "tools/bench/backward_oracle.h"

#include "tools/library.h"

namespace swiglu::tool {
namespace {

swiglu_plan_desc dense_on_cpu(const swiglu_plan_desc& desc) {
  swiglu_plan_desc dense{};
  dense.struct_size = sizeof dense;
  dense.dtype = desc.dtype;
  dense.out_dtype = SWIGLU_F64;
  dense.accum = SWIGLU_ACCUM_F64;
  dense.weight_layout = desc.weight_layout;
  dense.passes = SWIGLU_PASS_BACKWARD;
  dense.d_model = desc.d_model;
  dense.d_intermediate = desc.d_intermediate;
  dense.device = SWIGLU_DEVICE_CPU;
  return dense;
}

void execute(const swiglu_plan_desc& desc, swiglu_backward_args args) {
  const Plan plan = create_plan(desc);
  std::size_t bytes = 0;
  check(swiglu_plan_workspace_size(plan.get(), SWIGLU_PASS_BACKWARD, args.m, &bytes));
  std::vector<double> workspace(bytes / sizeof(double) + 2);
  args.workspace = workspace.data();
  args.workspace_size = bytes;
  check(swiglu_execute_backward(plan.get(), &args, nullptr));
}

swiglu_backward_args args_of(const GateOperands& operands, std::int64_t columns) {
  swiglu_backward_args args{};
  args.struct_size = sizeof args;
  args.m = static_cast<std::int64_t>(operands.dout.size()) / columns;
  args.dout = operands.dout.data();
  args.g = operands.g.data();
  args.u = operands.u.data();
  return args;
}

}  // namespace

std::vector<double> reference_dx(const swiglu_plan_desc& desc, const RandomProblem& weights,
                                 const GateOperands& of_rows) {
  swiglu_backward_args args = args_of(of_rows, desc.d_intermediate);
  std::vector<double> dx(static_cast<std::size_t>(args.m) * static_cast<std::size_t>(desc.d_model));
  args.w_gate = weights.w_gate.data();
  args.w_up = weights.w_up.data();
  args.dx = dx.data();
  execute(dense_on_cpu(desc), args);
  return dx;
}

WeightGradients reference_dw(const swiglu_plan_desc& desc, const std::vector<std::uint16_t>& x,
                             const GateOperands& of_columns) {
  const std::int64_t m = static_cast<std::int64_t>(x.size()) / desc.d_model;
  swiglu_plan_desc narrow = dense_on_cpu(desc);
  narrow.weight_layout = SWIGLU_NK;  // a column of d_intermediate is a row
  narrow.d_intermediate = static_cast<std::int64_t>(of_columns.dout.size()) / m;
  const auto elements = static_cast<std::size_t>(narrow.d_intermediate) * static_cast<std::size_t>(desc.d_model);
  WeightGradients gradients{std::vector<double>(elements), std::vector<double>(elements)};
  swiglu_backward_args args = args_of(of_columns, narrow.d_intermediate);
  args.x = x.data();
  args.dw_gate = gradients.gate.data();
  args.dw_up = gradients.up.data();
  execute(narrow, args);
  return gradients;
}

}  // namespace swiglu::tool
