// Every candidate tile of one point next to the library's own choice. SWIGLU_TILE is read once in a process, so each
// tile is a bench of its own in a process of its own, with the baselines in it: what compares tiles is their ratio to
// the baseline's time beside them.
#pragma once

#include <swiglu/swiglu.h>

#include <string>
#include <vector>

#include "tools/bench/contenders.h"
#include "tools/library.h"

namespace swiglu::tool {

struct CandidateTile {
  std::string family;
  std::string tile;   // as SWIGLU_TILE takes it
  std::string error;  // why it does not compile
};

// Compiles all (swiglu_compile) and lists those whose "family/tile" contains `text`, for 16-byte aligned operands. A
// tile that suits several passes of the plan is listed once, with the first error of any.
std::vector<CandidateTile> candidate_tiles(const swiglu_plan_desc& desc, const std::string& arch,
                                           const std::string& text);

struct TileBench {
  std::string name;  // "family/tile", or "chosen"
  Json report;       // what --json of its process wrote; null where it wrote nothing
  std::string error;
};

// This program again with `arguments` and a --json of its own. An empty tile is the library's own choice.
TileBench bench_tile(const std::string& name, const std::string& tile, const std::vector<std::string>& arguments);

// Fastest first, by the first ratio shown; those that failed last.
void print_tiles(std::vector<TileBench> benches, BenchPass pass);

}  // namespace swiglu::tool
