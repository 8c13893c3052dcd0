// What a swiglu_backward_args asks of a plan, checked. Pure: no memory of the caller's is read or written. Allocates
// nothing unless it throws.
#pragma once

#include <swiglu/swiglu.h>

#include <cstddef>

#include "plan/description.h"
#include "swiglu/params.h"

namespace swiglu {

// Outputs that are not wanted are null, and so are inputs that are not read for the others; dg and du are null, and the
// plan's to place in the workspace.
struct BackwardExecution {
  bool recompute;  // g and u are computed again from x
  BackwardParams params;
  void* workspace;

  bool wants_dx() const { return params.dx != nullptr; }
  bool wants_dw() const { return params.dw_gate != nullptr || params.dw_up != nullptr; }
};

// args.m >= 0. Throws Error{INVALID_ARGUMENT} or {WORKSPACE_TOO_SMALL}, naming field and value.
BackwardExecution check_backward(const PlanSpec& spec, const swiglu_backward_args& args, std::size_t workspace_wanted);

}  // namespace swiglu
