// Judges an execution against the float64 reference: which rows were checked, the error of every output and its limit.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tools/check.h"
#include "tools/execution.h"
#include "tools/random_problem.h"

namespace swiglu::tool {

struct OutputVerdict {
  std::string name;  // "out", "g" or "u"
  Errors errors;
};

struct Verdict {
  std::int64_t rows_checked = 0;
  Limits limits{};
  std::vector<OutputVerdict> outputs;
  double unfused_error = 0;  // of out, had g, u, silu(g) and the product each been rounded to the dtype
  bool passed = false;       // every error within its limit, and the execution repeatable
};

// check_rows 0: as many as take seconds.
Verdict judge(const swiglu_plan_desc& desc, const RandomProblem& problem, const Execution& execution, std::int64_t m,
              std::int64_t check_rows);

}  // namespace swiglu::tool
