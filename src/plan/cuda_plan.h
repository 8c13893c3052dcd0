// Plans for a CUDA device: a kernel per pass, pointer alignment and m-bucket, found, compiled or, where that is
// asked for, chosen by measuring when first wanted.
#pragma once

#include <memory>

#include "plan/plan.h"

namespace swiglu {

// Throws Error{NO_DRIVER}, {NO_DEVICE}, {NOT_SUPPORTED}.
std::unique_ptr<Plan> make_cuda_plan(const PlanSpec& spec);

}  // namespace swiglu
