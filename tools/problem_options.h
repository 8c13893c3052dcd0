// The command-line options that say what is computed, shared by `run`, `compile` and `bench`.
#pragma once

#include <swiglu/swiglu.h>

#include <memory>
#include <string>
#include <vector>

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

std::shared_ptr<ProblemOptions> add_problem_options(CLI::App& command, const ProblemOptions& defaults = {});

// With dense leading dimensions; the device is the caller's to set.
swiglu_plan_desc describe_problem(const ProblemOptions& options);

// "d_model 4096, d_intermediate 14336, bf16, f32 accumulators, weights kn": for a person.
std::string spell(const swiglu_plan_desc& desc);

// The same without the sizes; and as options, for another process.
std::string spell_kind(const swiglu_plan_desc& desc);
std::vector<std::string> kind_arguments(const swiglu_plan_desc& desc);

}  // namespace swiglu::tool
