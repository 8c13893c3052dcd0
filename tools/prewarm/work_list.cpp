#include "tools/prewarm/work_list.h"

#include <algorithm>
#include <charconv>
#include <istream>
#include <sstream>
#include <string_view>

#include "tools/library.h"

namespace swiglu::tool {
namespace {

struct Kind {
  const char* name;
  swiglu_dtype dtype;
  swiglu_accum accum;
};

constexpr Kind kKinds[] = {{"bf16_f32_", SWIGLU_BF16, SWIGLU_ACCUM_F32},
                           {"f16_f32_", SWIGLU_F16, SWIGLU_ACCUM_F32},
                           {"f16_f16_promoted_", SWIGLU_F16, SWIGLU_ACCUM_F16_PROMOTED},
                           {"f16_f16_", SWIGLU_F16, SWIGLU_ACCUM_F16}};  // after what it is the beginning of

struct PassSuffix {
  const char* suffix;
  std::uint32_t pass;
};

constexpr PassSuffix kPasses[] = {{"", SWIGLU_PASS_FORWARD},
                                  {"_gu", SWIGLU_PASS_FORWARD_STORE},
                                  {"_backward", SWIGLU_PASS_BACKWARD},
                                  {"_backward_recompute", SWIGLU_PASS_BACKWARD_RECOMPUTE}};

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) {
    return false;
  }
  text.remove_prefix(word.size());
  return true;
}

bool take_number(std::string_view& text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 1) {
    return false;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool parse(std::string_view text, swiglu_plan_desc& desc) {
  const auto* kind =
      std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& each) { return text.starts_with(each.name); });
  if (kind == std::end(kKinds)) {
    return false;
  }
  desc.dtype = kind->dtype;
  desc.accum = kind->accum;
  take(text, kind->name);
  if (!take_number(text, desc.d_model) || !take(text, "x") || !take_number(text, desc.d_intermediate)) {
    return false;
  }
  if (take(text, "_kn")) {
    desc.weight_layout = SWIGLU_KN;
  } else if (take(text, "_nk")) {
    desc.weight_layout = SWIGLU_NK;
  } else {
    return false;
  }
  const auto* passes =
      std::find_if(std::begin(kPasses), std::end(kPasses), [&](const PassSuffix& each) { return text == each.suffix; });
  if (passes == std::end(kPasses)) {
    return false;
  }
  desc.passes = passes->pass;
  return true;
}

std::vector<std::int64_t> parse_tokens(std::string_view text) {
  std::vector<std::int64_t> tokens;
  for (bool more = true; more; more = take(text, ",")) {
    std::int64_t number = 0;
    if (!take_number(text, number)) {
      throw Failure("\"" + std::string(text) + "\" is no list of token counts such as 1,64,8192");
    }
    tokens.push_back(number);
  }
  if (!text.empty()) {
    throw Failure("\"" + std::string(text) + "\" is no list of token counts such as 1,64,8192");
  }
  return tokens;
}

}  // namespace

const std::vector<std::int64_t>& usual_tokens() {
  static const std::vector<std::int64_t> tokens = {1, 16, 64, 128, 256, 512, 1024, 2048, 4096, 8192};
  return tokens;
}

swiglu_plan_desc parse_problem(const std::string& text) {
  swiglu_plan_desc desc{};
  desc.struct_size = sizeof desc;
  if (!parse(text, desc)) {
    throw Failure(
        "\"" + text +
        "\" is no problem: bf16_f32_4096x14336_nk is one (dtype, accumulator, d_model x d_intermediate, weight "
        "layout; then _gu where g and u are stored, _backward or _backward_recompute)");
  }
  return desc;
}

std::string spell_problem(const swiglu_plan_desc& desc) {
  std::string text;
  for (const Kind& kind : kKinds) {
    if (desc.dtype == kind.dtype && desc.accum == kind.accum) {
      text = kind.name;
    }
  }
  text += std::to_string(desc.d_model) + "x" + std::to_string(desc.d_intermediate) +
          (desc.weight_layout == SWIGLU_KN ? "_kn" : "_nk");
  for (const PassSuffix& each : kPasses) {
    text += desc.passes == each.pass ? each.suffix : "";
  }
  return text;
}

std::vector<PrewarmProblem> read_problems(std::istream& lines, const std::string& name,
                                          const std::vector<std::int64_t>& tokens) {
  std::vector<PrewarmProblem> problems;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string problem;
    std::string counts;
    std::string rest;
    words >> problem >> counts >> rest;
    if (problem.empty()) {
      continue;
    }
    try {
      if (!rest.empty()) {
        throw Failure("\"" + rest + "\" is too much: a line has a problem, and token counts without blanks");
      }
      problems.push_back({problem, parse_problem(problem), counts.empty() ? tokens : parse_tokens(counts)});
    } catch (const Failure& failure) {
      throw Failure(name + ", line " + std::to_string(number) + ": " + failure.what());
    }
  }
  return problems;
}

std::vector<PrewarmProblem> merged(std::vector<PrewarmProblem> problems) {
  std::vector<PrewarmProblem> once;
  for (PrewarmProblem& problem : problems) {
    const auto same =
        std::find_if(once.begin(), once.end(), [&](const PrewarmProblem& other) { return other.name == problem.name; });
    if (same == once.end()) {
      once.push_back(std::move(problem));
    } else {
      same->tokens.insert(same->tokens.end(), problem.tokens.begin(), problem.tokens.end());
    }
  }
  for (PrewarmProblem& problem : once) {
    std::sort(problem.tokens.begin(), problem.tokens.end());
    problem.tokens.erase(std::unique(problem.tokens.begin(), problem.tokens.end()), problem.tokens.end());
  }
  return once;
}

}  // namespace swiglu::tool
