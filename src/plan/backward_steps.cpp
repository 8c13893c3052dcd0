#include "plan/backward_steps.h"

#include <algorithm>
#include <initializer_list>

#include "plan/workspace.h"

namespace swiglu {
namespace {

constexpr int kFloatBytes = 4;

// Of what the pass reads and writes of the caller's. The workspace is aligned to 16 bytes, as all access asks at most.
std::uintptr_t addresses(Pass pass, const BackwardParams& p) {
  const auto all = [](std::initializer_list<const void*> pointers) {
    std::uintptr_t bits = 0;
    for (const void* pointer : pointers) {
      bits |= reinterpret_cast<std::uintptr_t>(pointer);
    }
    return bits;
  };
  switch (pass) {
    case Pass::recompute:
      return all({p.dout, p.x, p.w_gate, p.w_up});
    case Pass::dgate:
      return all({p.dout, p.g, p.u});
    case Pass::dx:
      return all({p.w_gate, p.w_up, p.dx});
    case Pass::dw:
    case Pass::dw_single:
      return all({p.x, p.dw_gate, p.dw_up});
    default:
      return all({p.dw_gate, p.dw_up});
  }
}

}  // namespace

TokenSplit backward_split(const PlanSpec& spec, int matrices, std::int64_t m, int multiprocessors) {
  return split_tokens(problem_of(spec, Pass::dw), matrices, m, multiprocessors);
}

BackwardLayout backward_layout(const PlanSpec& spec, std::int64_t m, int multiprocessors) {
  const Problem problem = problem_of(spec, Pass::dw);
  BackwardLayout layout{};
  layout.ld_dg = workspace_ld(spec.d_intermediate, kElementBytes);
  layout.ld_parts = workspace_ld(weight_columns(problem), kFloatBytes);
  layout.du = workspace_bytes(m, layout.ld_dg, kElementBytes, m);
  layout.parts = add_workspace(layout.du, layout.du, m);
  std::size_t parts = 0;
  for (int matrices = 1; matrices <= 2 && m > 0; ++matrices) {
    const std::int64_t splits = backward_split(spec, matrices, m, multiprocessors).splits;
    if (splits > 1) {
      const std::int64_t rows = splits * matrices * weight_rows(problem);
      parts = std::max(parts, workspace_bytes(rows, layout.ld_parts, kFloatBytes, m));
    }
  }
  layout.bytes = add_workspace(layout.parts, parts, m);
  return layout;
}

BackwardSteps::BackwardSteps(const PlanSpec& spec, const BackwardExecution& execution, int multiprocessors) {
  BackwardParams params = execution.params;
  if (params.m == 0) {
    add(spec, Pass::dw_sum, params);  // of no parts: zeros
    return;
  }
  const BackwardLayout layout = backward_layout(spec, params.m, multiprocessors);
  auto* const workspace = static_cast<unsigned char*>(execution.workspace);
  params.dg = workspace;
  params.du = workspace + layout.du;
  params.ld_dg = layout.ld_dg;
  add(spec, execution.recompute ? Pass::recompute : Pass::dgate, params);
  if (execution.wants_dx()) {
    add(spec, Pass::dx, params);
  }
  if (!execution.wants_dw()) {
    return;
  }
  const bool both = params.dw_gate != nullptr && params.dw_up != nullptr;
  const TokenSplit split = backward_split(spec, both ? 2 : 1, params.m, multiprocessors);
  if (params.dw_gate == nullptr) {  // dw_single, and the sum of its parts, know the one wanted as dw_gate
    params.dg = params.du;
    params.dw_gate = params.dw_up;
    params.ld_dw_gate = params.ld_dw_up;
    params.dw_up = nullptr;
  }
  params.partials = reinterpret_cast<float*>(workspace + layout.parts);
  params.ld_partials = layout.ld_parts;
  params.splits = static_cast<int>(split.splits);
  params.split_tokens = split.tokens;
  add(spec, both ? Pass::dw : Pass::dw_single, params);
  if (split.splits > 1) {
    add(spec, Pass::dw_sum, params);
  }
}

void BackwardSteps::add(const PlanSpec& spec, Pass pass, const BackwardParams& params) {
  const auto access_bytes = static_cast<std::uintptr_t>(problem_of(spec, pass).access_bytes);
  steps_[count_++] = {pass, addresses(pass, params) % access_bytes == 0, params};
}

}  // namespace swiglu
