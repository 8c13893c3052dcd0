// What a swiglu_forward_args asks of a plan, checked. Pure: no memory of the caller's is read or written. Allocates
// nothing unless it throws.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>

#include "plan/description.h"
#include "swiglu/params.h"

namespace swiglu {

struct Execution {
  Pass pass;
  bool aligned;  // every pointer to the access_bytes of problem_of(spec, pass)
  ForwardParams params;
};

// args.m >= 1. Throws Error{INVALID_ARGUMENT} or {WORKSPACE_TOO_SMALL}, naming field and value.
Execution check_execution(const PlanSpec& spec, const swiglu_forward_args& args);

}  // namespace swiglu
