// The tables of suites: see suites.h.
#include "tools/bench/suites.h"

#include <algorithm>
#include <iterator>

#include "tools/library.h"
#include "tools/presets.h"

namespace swiglu::tool {
namespace {

constexpr const char* kSuites[] = {"goals", "seed", "llm", "custom"};

// Sizes of the acceptance goals: all at a large m, the last also at small ones.
constexpr std::int64_t kGoals[][2] = {{256, 768},    {512, 1536},   {1024, 3072}, {2048, 6144},
                                      {2048, 14336}, {4096, 12288}, {4096, 14336}};
constexpr std::int64_t kSmallGoals[] = {64, 128, 256};

// Of the backward pass; d_intermediate is three times as large.
constexpr std::int64_t kBackwardGoals[] = {1024, 2048, 4096};

// d_model of the Triton benchmark that this library began from; d_intermediate is three times as large.
constexpr std::int64_t kSeedFirst = 256;
constexpr std::int64_t kSeedLast = 4096;
constexpr std::int64_t kSeedStep = 128;

constexpr const char* kModels[] = {"llama-3-8b", "llama-3-70b", "qwen2.5-7b", "mistral-nemo-12b", "gemma-2-9b"};
constexpr std::int64_t kTokens[] = {1, 16, 64, 128, 256, 512, 1024, 2048, 8192};

std::vector<BenchPoint> goals(BenchPass pass) {
  std::vector<BenchPoint> points;
  if (pass != BenchPass::forward) {
    for (const std::int64_t d_model : kBackwardGoals) {
      points.push_back({"", kGoalTokens, d_model, 3 * d_model});
    }
    return points;
  }
  for (const auto& [d_model, d_intermediate] : kGoals) {
    points.push_back({"", kGoalTokens, d_model, d_intermediate});
  }
  const BenchPoint last = points.back();
  for (const std::int64_t m : kSmallGoals) {
    points.push_back({"", m, last.d_model, last.d_intermediate});
  }
  return points;
}

std::vector<BenchPoint> seed() {
  std::vector<BenchPoint> points;
  for (std::int64_t d_model = kSeedFirst; d_model <= kSeedLast; d_model += kSeedStep) {
    points.push_back({"", kGoalTokens, d_model, 3 * d_model});
  }
  return points;
}

std::vector<BenchPoint> llm() {
  std::vector<BenchPoint> points;
  for (const char* name : kModels) {
    const Preset* preset = find_preset(name);
    if (preset == nullptr) {
      throw Failure(std::string("the suite llm names ") + name + ", which is no preset");
    }
    for (const std::int64_t m : kTokens) {
      points.push_back({name, m, preset->d_model, preset->d_intermediate});
    }
  }
  return points;
}

}  // namespace

std::string spell(const BenchPoint& point) {
  return "m" + std::to_string(point.m) + " " + std::to_string(point.d_model) + "x" +
         std::to_string(point.d_intermediate) + (point.model.empty() ? "" : " " + point.model);
}

double product_flop(const BenchPoint& point) {
  return 2.0 * static_cast<double>(point.m) * static_cast<double>(point.d_model) *
         static_cast<double>(point.d_intermediate);
}

std::span<const char* const> suite_names() { return kSuites; }

std::vector<BenchPoint> suite_points(const std::string& suite, BenchPass pass,
                                     const std::vector<std::int64_t>& tokens) {
  std::vector<BenchPoint> own = suite == "goals"  ? goals(pass)
                                : suite == "seed" ? seed()
                                : suite == "llm"  ? llm()
                                                  : std::vector<BenchPoint>();
  if (tokens.empty()) {
    return own;
  }
  std::vector<BenchPoint> points;
  for (BenchPoint point : own) {
    for (const std::int64_t m : tokens) {
      point.m = m;
      if (std::find(points.begin(), points.end(), point) == points.end()) {
        points.push_back(point);
      }
    }
  }
  return points;
}

std::vector<BenchPoint> filtered(const std::vector<BenchPoint>& points, const std::string& text) {
  std::vector<BenchPoint> kept;
  std::copy_if(points.begin(), points.end(), std::back_inserter(kept),
               [&](const BenchPoint& point) { return spell(point).find(text) != std::string::npos; });
  return kept;
}

}  // namespace swiglu::tool
