// What `swiglu bench` measures: lists of problem sizes. Tables alone; no GPU is needed to read them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tools/bench/contenders.h"

namespace swiglu::tool {

struct BenchPoint {
  std::string model;  // the preset the sizes are from, or ""
  std::int64_t m = 0;
  std::int64_t d_model = 0;
  std::int64_t d_intermediate = 0;

  bool operator==(const BenchPoint&) const = default;
};

// "m8192 4096x14336 llama-3-8b": what --filter looks in, and how a point is named in messages.
std::string spell(const BenchPoint& point);

// 2 m d_model d_intermediate: a multiplication and an addition for each term of one product [m, d_model] x [d_model,
// d_intermediate].
double product_flop(const BenchPoint& point);

// "goals", "seed", "llm"; "custom" has no points of its own.
std::span<const char* const> suite_names();

inline constexpr std::int64_t kGoalTokens = 8192;  // of the acceptance goals, unless they are about few tokens

// Points of the same sizes stand together. The suite goals differs from pass to pass. Other token counts than the
// suite's own where `tokens` is not empty.
std::vector<BenchPoint> suite_points(const std::string& suite, BenchPass pass, const std::vector<std::int64_t>& tokens);

// Those whose name contains `text`.
std::vector<BenchPoint> filtered(const std::vector<BenchPoint>& points, const std::string& text);

}  // namespace swiglu::tool
