#include "plan/backward_steps.h"

#include <algorithm>
#include <initializer_list>

#include "plan/workspace.h"

namespace swiglu {
namespace {

constexpr int kFloatBytes = 4;

// Bytes of a part of one of dWg and dWu.
double part_bytes(const PlanSpec& spec) {
  const Problem problem = problem_of(spec, Pass::dw);
  return static_cast<double>(weight_rows(problem)) *
         static_cast<double>(workspace_ld(weight_columns(problem), kFloatBytes)) * kFloatBytes;
}

// No split of m tokens makes more parts of one of dWg and dWu, those of both counted twice: besides what kMostTokens
// asks for, tiles of at most kLargestTile elements are to fill the card about twice (tune/split.cpp).
double most_parts(const PlanSpec& spec, std::int64_t m, int multiprocessors) {
  constexpr double kLargestTile = 128 * 256;
  const double tiles = static_cast<double>(spec.d_model) * static_cast<double>(spec.d_intermediate) / kLargestTile;
  return 2 * static_cast<double>(ceil_div(m, kMostTokens) + 1) + 2 * multiprocessors / std::max(0.5, tiles);
}

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
    case Pass::dgate_dx:
      return all({p.dout, p.g, p.u, p.w_gate, p.w_up, p.dx});
    case Pass::dw:
    case Pass::dw_single:
      return all({p.x, p.dw_gate, p.dw_up});
    case Pass::dgate_dw:
      return all({p.dout, p.g, p.u, p.x, p.dw_gate, p.dw_up});
    default:
      return all({p.dw_gate, p.dw_up});
  }
}

bool is_aligned(const PlanSpec& spec, Pass pass, const BackwardParams& params) {
  const auto access_bytes = static_cast<std::uintptr_t>(problem_of(spec, pass).access_bytes);
  return addresses(pass, params) % access_bytes == 0;
}

}  // namespace

TokenSplit backward_split(const PlanSpec& spec, int matrices, std::int64_t m, int multiprocessors) {
  return split_tokens(problem_of(spec, Pass::dw), matrices, m, multiprocessors);
}

BackwardLayout backward_layout(const PlanSpec& spec, std::int64_t m, int multiprocessors) {
  const Problem problem = problem_of(spec, Pass::dw);
  BackwardLayout layout{};
  layout.ld_dg = gradient_pitch(problem);
  layout.ld_parts = workspace_ld(weight_columns(problem), kFloatBytes);
  layout.du = workspace_bytes(m, layout.ld_dg, kElementBytes, m);
  layout.progress = add_workspace(layout.du, layout.du, m);
  layout.parts = add_workspace(layout.progress, workspace_bytes(1, progress_bytes(problem, m), 1, m), m);
  std::size_t parts = 0;
  for (int matrices = 1; matrices <= 2 && m > 0; ++matrices) {
    const std::int64_t splits = backward_split(spec, matrices, m, multiprocessors).splits;
    if (splits > 1) {
      std::int64_t rows = 0;
      if (__builtin_mul_overflow(splits, std::int64_t{matrices} * weight_rows(problem), &rows)) {
        fail_workspace(m);
      }
      parts = std::max(parts, workspace_bytes(rows, layout.ld_parts, kFloatBytes, m));
    }
  }
  layout.bytes = add_workspace(layout.parts, parts, m);
  return layout;
}

std::size_t most_backward_workspace(const PlanSpec& spec, std::int64_t m, int multiprocessors) {
  const double part = part_bytes(spec);
  const BackwardLayout layout = backward_layout(spec, m, multiprocessors);
  std::size_t most = layout.bytes;
  // m that round up to one multiple of kSplitTokens are split alike, and take the most where they are that. From one
  // multiple to the next below dg and du shrink, until no parts could make up for it: mostly after few.
  const auto may_be_more = [&](std::int64_t fewer) {
    const double gradients = 2.0 * static_cast<double>(fewer) * static_cast<double>(layout.ld_dg) * kElementBytes;
    const auto counters = static_cast<double>(progress_bytes(problem_of(spec, Pass::dgate_dx), fewer));
    return gradients + counters + most_parts(spec, fewer, multiprocessors) * part + 4.0 * kWorkspaceMatrixBytes >
           static_cast<double>(most);
  };
  for (std::int64_t fewer = (m - 1) / kSplitTokens * kSplitTokens; fewer > 0 && may_be_more(fewer);
       fewer -= kSplitTokens) {
    most = std::max(most, backward_layout(spec, fewer, multiprocessors).bytes);
  }
  return most;
}

BackwardSteps::BackwardSteps(const PlanSpec& spec, const BackwardExecution& execution, int multiprocessors,
                             Dgate dgate) {
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
  params.progress = workspace + layout.progress;
  params.partials = reinterpret_cast<float*>(workspace + layout.parts);
  params.ld_partials = layout.ld_parts;
  const bool both = params.dw_gate != nullptr && params.dw_up != nullptr;
  TokenSplit split{};
  if (execution.wants_dw()) {
    split = backward_split(spec, both ? 2 : 1, params.m, multiprocessors);
    params.splits = static_cast<int>(split.splits);
    params.split_tokens = split.tokens;
  }
  const auto beside = [&](Dgate by, Pass pass) {
    return dgate == by && !execution.recompute && is_aligned(spec, pass, params);
  };
  if (both && split.splits == 1 && beside(Dgate::beside_dw, Pass::dgate_dw)) {
    add(spec, Pass::dgate_dw, params);
    if (execution.wants_dx()) {
      add(spec, Pass::dx, params);
    }
    return;
  }
  if (execution.wants_dx() && beside(Dgate::beside_dx, Pass::dgate_dx)) {
    add(spec, Pass::dgate_dx, params);
  } else {
    add(spec, execution.recompute ? Pass::recompute : Pass::dgate, params);
    if (execution.wants_dx()) {
      add(spec, Pass::dx, params);
    }
  }
  if (!execution.wants_dw()) {
    return;
  }
  if (params.dw_gate == nullptr) {  // dw_single, and the sum of its parts, know the one wanted as dw_gate
    params.dg = params.du;
    params.dw_gate = params.dw_up;
    params.ld_dw_gate = params.ld_dw_up;
    params.dw_up = nullptr;
  }
  add(spec, both ? Pass::dw : Pass::dw_single, params);
  if (split.splits > 1) {
    add(spec, Pass::dw_sum, params);
  }
}

void BackwardSteps::add(const PlanSpec& spec, Pass pass, const BackwardParams& params) {
  steps_[count_++] = {pass, is_aligned(spec, pass, params), params};
}

}  // namespace swiglu
