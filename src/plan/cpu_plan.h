// Plans for SWIGLU_DEVICE_CPU: nothing to prepare, execution is synchronous.
#pragma once

#include <memory>

#include "plan/plan.h"

namespace swiglu {

std::unique_ptr<Plan> make_cpu_plan(const PlanSpec& spec);

}  // namespace swiglu
