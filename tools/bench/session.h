// A whole bench: every point of a request prepared, then measured one after another. A point that fails is a result
// with an error, and the others go on.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/bench/measure.h"
#include "tools/bench/results.h"

namespace swiglu::tool {

struct BenchRequest {
  std::string suite;
  BenchPass pass = BenchPass::forward;
  std::vector<BenchPoint> points;
  std::string kind_in_words;
  swiglu_plan_desc kind{};  // types, layout, passes (of the plan), device; the sizes are the points'
  Effort effort;
  std::uint64_t seed = 1;
  std::string cublaslt;  // its file, "" to search
  bool tuned = false;    // tuning records decide where there are some
};

struct BenchReport {  // NOLINT(bugprone-exception-escape): moving Json throws nothing
  Json environment;   // Laboratory::describe
  double prepare_seconds = 0;
  double measure_seconds = 0;
  std::vector<PointResult> points;
};

struct BenchProgress {
  std::function<void(const BenchReport&)> begin;  // all is prepared
  std::function<void(const BenchReport&)> point;  // another point is done, the last in `points`
};

// A Failure where nothing can be measured at all: no GPU, no cuBLASLt.
BenchReport run_bench(const BenchRequest& request, const BenchProgress& progress);

}  // namespace swiglu::tool
