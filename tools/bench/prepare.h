// Plans of many problems, created and prepared at once on all of the machine's threads, so that compiling costs a suite
// the time of a few kernels and not of all.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tools/library.h"

namespace swiglu::tool {

struct PlanRequest {
  swiglu_plan_desc desc;
  std::int64_t m;
};

struct PreparedPlan {  // NOLINT(bugprone-exception-escape): moving Json throws nothing
  Plan plan;
  Json description;   // swiglu_plan_describe
  std::string error;  // why there is no plan
};

// In the order of the requests.
std::vector<PreparedPlan> prepare_plans(const std::vector<PlanRequest>& requests);

}  // namespace swiglu::tool
