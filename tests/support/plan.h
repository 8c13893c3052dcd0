// An owning handle for a plan, and calls that throw with the library's own message. Only tests of errors look at
// statuses themselves. Thread-safe as far as the library is.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <memory>
#include <string>

namespace swiglu_test {

struct PlanDeleter {
  void operator()(swiglu_plan* plan) const { swiglu_plan_destroy(plan); }
};
using Plan = std::unique_ptr<swiglu_plan, PlanDeleter>;

// The calling thread's last error.
std::string last_error();

// Throws std::runtime_error "<what>: SWIGLU_...: <last error>" unless it succeeded.
void require(swiglu_status status, const std::string& what);

Plan make_plan(const swiglu_plan_desc& desc);
std::string describe(swiglu_plan* plan, std::int64_t m);

const char* name_of(swiglu_accum accum);

}  // namespace swiglu_test
