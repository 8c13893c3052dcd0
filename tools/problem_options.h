// The command-line options that say what is computed, shared by `run`, `compile`, `prewarm` and `bench`.
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
  swiglu_layout layout = SWIGLU_NK;  // as torch.nn.Linear stores its weights
  bool store = false;
  std::vector<const CLI::Option*> of_command;  // as add_problem_options() made them
};

std::shared_ptr<ProblemOptions> add_problem_options(CLI::App& command);

// Those of them that the command line has: "--preset, --dtype". For commands that have other ways to name problems.
std::string given_problem_options(const ProblemOptions& options);

// With dense leading dimensions; the device is the caller's to set.
swiglu_plan_desc describe_problem(const ProblemOptions& options);

// "d_model 4096, d_intermediate 14336, bf16, f32 accumulators, weights kn": for a person.
std::string spell(const swiglu_plan_desc& desc);

// The same without the sizes; and as options, for another process.
std::string spell_kind(const swiglu_plan_desc& desc);
std::vector<std::string> kind_arguments(const swiglu_plan_desc& desc);

}  // namespace swiglu::tool
