// What `swiglu run` has to say, as text for a person or as one JSON object.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <string>

#include "tools/execution.h"
#include "tools/library.h"
#include "tools/verdict.h"

namespace swiglu::tool {

struct RunReport {  // NOLINT(bugprone-exception-escape): moving a Json runs its assertions, which do not throw
  swiglu_plan_desc desc{};
  std::string why_device;
  std::int64_t m = 0;
  std::uint64_t seed = 0;
  Json description;  // swiglu_plan_describe
  Execution execution;
  Verdict verdict;
};

void print(const RunReport& report, bool json);

}  // namespace swiglu::tool
