// Executes a plan on its device with host data, several times, and times it. Outputs start as NaN everywhere, so an
// element that was never written cannot pass for a result.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tools/library.h"
#include "tools/random_problem.h"

namespace swiglu::tool {

struct Outputs {
  std::vector<std::uint16_t> out;  // [m, d_intermediate]
  std::vector<std::uint16_t> g;    // empty unless the plan stores them
  std::vector<std::uint16_t> u;

  bool operator==(const Outputs&) const = default;
};

struct Execution {
  Outputs outputs;                   // of the first execution
  bool repeatable = false;           // the last execution's bits were the first's
  double prepare_milliseconds = 0;   // swiglu_plan_prepare: find or compile, and load
  std::vector<double> milliseconds;  // of each timed execution
  std::string how_timed;             // in words
};

// `plan` was created from `desc`. repeat >= 1.
Execution execute(const Plan& plan, const swiglu_plan_desc& desc, const RandomProblem& problem, std::int64_t m,
                  int repeat);

}  // namespace swiglu::tool
