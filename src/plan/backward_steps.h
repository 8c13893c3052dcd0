// The backward pass on a CUDA device as a sequence of kernels with their arguments, and the workspace between them.
// Pure: reads and writes no memory of the caller's, allocates nothing.
//
//   dgate or recompute    dout, and g and u or x and the weights -> dg, du     always
//   dx                    dg, du, weights -> dx                                where dx is wanted
//   dw or dw_single       x, dg, du -> dw_gate, dw_up, or parts of them        where they are wanted
//   dw_sum                parts -> dw_gate, dw_up                              where the tokens were split, or are none
//
// Where the plan says so and all its pointers are aligned to 16 bytes, one kernel is two of these:
//
//   dgate_dx              dout, g, u, weights -> dg, du, dx                    dgate and dx
//   dgate_dw              dout, g, u, x -> dg, du, dw_gate, dw_up              dgate and dw, of unsplit tokens
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "plan/backward_execution.h"
#include "plan/description.h"
#include "plan/dgate_choice.h"
#include "tune/split.h"

namespace swiglu {

// dg and du at offsets 0 and `du` of the workspace, rows of ld_dg elements; after them the counters of dgate_dx
// and dgate_dw, then the parts.
struct BackwardLayout {
  std::size_t du;
  std::size_t progress;
  std::size_t parts;
  std::size_t bytes;  // in all
  std::int64_t ld_dg;
  std::int64_t ld_parts;
};

// Throws Error{INVALID_ARGUMENT} where the bytes overflow.
BackwardLayout backward_layout(const PlanSpec&, std::int64_t m, int multiprocessors);

// The most that a backward pass of up to m tokens takes: that of fewer may take more, as their split makes more parts.
// Throws as backward_layout().
std::size_t most_backward_workspace(const PlanSpec&, std::int64_t m, int multiprocessors);

// m >= 1; how many of dw_gate and dw_up are wanted decides.
TokenSplit backward_split(const PlanSpec&, int matrices, std::int64_t m, int multiprocessors);

struct BackwardStep {
  Pass pass;
  bool aligned;  // every pointer it takes to the access_bytes of problem_of(spec, pass)
  BackwardParams params;
};

class BackwardSteps {
 public:
  // `dgate`: how dg and du may be derived.
  BackwardSteps(const PlanSpec&, const BackwardExecution&, int multiprocessors, Dgate dgate);
  std::span<const BackwardStep> get() const { return std::span(steps_).first(count_); }

 private:
  void add(const PlanSpec&, Pass, const BackwardParams&);

  std::array<BackwardStep, 4> steps_{};
  std::size_t count_ = 0;
};

}  // namespace swiglu
