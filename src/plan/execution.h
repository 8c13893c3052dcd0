// What a swiglu_forward_args asks of a plan, checked. Pure: no memory of the caller's is read or written. Allocates
// nothing unless it throws.
#pragma once

#include <swiglu/swiglu.h>

#include <cstddef>

#include "plan/description.h"
#include "swiglu/params.h"

namespace swiglu {

struct Execution {
  Pass pass;
  bool aligned;  // every pointer to the access_bytes of problem_of(spec, pass)
  ForwardParams params;
  void* workspace;  // null where none is wanted, or less was passed than is
};

// Throws Error{INVALID_ARGUMENT} where it is none of the plan's passes.
Pass forward_pass(const PlanSpec& spec, const swiglu_forward_args& args);

// args.m >= 1; `pass` is the above. Throws Error{INVALID_ARGUMENT}, naming field and value.
Execution check_execution(const PlanSpec& spec, Pass pass, const swiglu_forward_args& args,
                          std::size_t workspace_wanted);

}  // namespace swiglu
