// The backward pass of a small problem on stand-in devices, and its buffers.
#pragma once

#include "api/device_environment.h"

namespace swiglu_test {

struct Backward : StandIns {
  Backward() { desc.passes = SWIGLU_PASS_BACKWARD | SWIGLU_PASS_BACKWARD_RECOMPUTE; }

  swiglu_backward_args args(const PlanPointer& plan, std::int64_t m, bool recompute = false) {
    swiglu_backward_args args{};
    args.struct_size = sizeof args;
    args.m = m;
    args.dout = buffers.out.data();
    args.x = buffers.x.data();
    args.w_gate = buffers.w_gate.data();
    args.w_up = buffers.w_up.data();
    if (!recompute) {
      args.g = buffers.g.data();
      args.u = buffers.u.data();
    }
    args.dx = dx.data();
    args.dw_gate = dw_gate.data();
    args.dw_up = dw_up.data();
    REQUIRE(swiglu_plan_workspace_size(plan.get(), SWIGLU_PASS_BACKWARD, m, &args.workspace_size) == SWIGLU_OK);
    workspace.resize(args.workspace_size / 8 + 2);
    args.workspace = reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(workspace.data()) + 15) / 16 * 16);
    return args;
  }

  std::vector<std::uint16_t> dx = std::vector<std::uint16_t>(256 * Buffers::kMaxModel);
  std::vector<float> dw_gate = std::vector<float>(Buffers::kMaxModel * 96);
  std::vector<float> dw_up = std::vector<float>(Buffers::kMaxModel * 96);
  std::vector<double> workspace;
};

}  // namespace swiglu_test
