// What `swiglu prewarm` has to do: problems, as the library spells them, and token counts. Text alone; no GPU.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace swiglu::tool {

struct PrewarmProblem {
  std::string name;  // "bf16_f32_4096x14336_nk", with _gu where g and u are stored; or _backward, _backward_recompute
  swiglu_plan_desc desc{};
  std::vector<std::int64_t> tokens;
};

// Token counts that serving and training meet.
const std::vector<std::int64_t>& usual_tokens();

// As the library spells it, backward passes as a whole. Throws Failure saying what is wrong with `text`.
swiglu_plan_desc parse_problem(const std::string& text);
std::string spell_problem(const swiglu_plan_desc& desc);

// A line for each problem: its spelling, then token counts separated by commas, or else `tokens`. Empty lines and what
// follows a # count for nothing. Throws Failure naming the line.
std::vector<PrewarmProblem> read_problems(std::istream& lines, const std::string& name,
                                          const std::vector<std::int64_t>& tokens);

// Problems that are the same become one, with the tokens of all, sorted.
std::vector<PrewarmProblem> merged(std::vector<PrewarmProblem> problems);

}  // namespace swiglu::tool
