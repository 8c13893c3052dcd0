// The command-line options that say what is computed, shared by `run` and `compile`.
#pragma once

#include <swiglu/swiglu.h>

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

namespace swiglu::tool {

// Zero sizes take the preset's.
struct ProblemOptions {
  std::string preset = "llama-3-8b";
  std::int64_t d_model = 0;
  std::int64_t d_intermediate = 0;
  swiglu_dtype dtype = SWIGLU_BF16;
  swiglu_accum accum = SWIGLU_ACCUM_F32;
  swiglu_layout layout = SWIGLU_KN;
  bool store = false;
};

std::shared_ptr<ProblemOptions> add_problem_options(CLI::App& command);

// With dense leading dimensions; the device is the caller's to set.
swiglu_plan_desc describe_problem(const ProblemOptions& options);

// "bf16, f32 accumulators, 4096 x 14336, kn": for a person.
std::string spell(const swiglu_plan_desc& desc);

}  // namespace swiglu::tool
