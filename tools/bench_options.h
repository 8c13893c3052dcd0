// The options of `swiglu bench`, and the request that they make.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "tools/bench/session.h"
#include "tools/problem_options.h"

namespace swiglu::tool {

struct BenchOptions {
  std::string suite;
  std::shared_ptr<ProblemOptions> problem;
  std::vector<std::int64_t> tokens;
  std::string filter;
  int device = 0;
  int rounds = 11;
  double seconds = 2.1;
  bool quick = false;
  bool list = false;
  bool tuned = false;
  std::string json;
  std::uint64_t seed = 1;
  std::string cublaslt;
  std::string pass = "forward";  // name(BenchPass)
  bool every_tile = false;
  std::string tiles;  // which: those whose "family/tile" contains this
};

std::shared_ptr<BenchOptions> add_bench_options(CLI::App& command);

// The points and what to do with them. A CLI::ValidationError where there are none.
BenchRequest bench_request(const BenchOptions& options);

// A request of one point as a command line, for a process of its own.
std::vector<std::string> bench_arguments(const BenchRequest& request);

}  // namespace swiglu::tool
