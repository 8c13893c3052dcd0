#include "tune/split.h"

#include <algorithm>
#include <cmath>

namespace swiglu {
namespace {

// Tiles that the best kernels have, whatever the kernel will be, in rows and columns of the gradients together, and how
// long a product of one token takes one multiprocessor (docs/measurements.md): small ones are slower, but there are
// more of them to spread.
struct Grain {
  std::int64_t rows;
  std::int64_t columns;
  double token_seconds;
};
constexpr Grain kGrains[] = {{128, 256, 10.6e-9}, {128, 128, 5.5e-9}, {64, 128, 3.7e-9}};

// A byte of the parts, which are written and read again, takes a fraction of a picosecond.
constexpr double kByteSeconds = 0.25e-12;
constexpr double kSumSeconds = 4e-6;  // one more launch
constexpr int kFloatBytes = 4;

std::int64_t columns(const Problem& problem, int matrices) { return std::int64_t{matrices} * problem.d_intermediate; }

std::int64_t tiles(const Problem& problem, int matrices, const Grain& grain) {
  return ceil_div(problem.d_model, grain.rows) * ceil_div(columns(problem, matrices), grain.columns);
}

double seconds(const Problem& problem, int matrices, std::int64_t splits, std::int64_t tokens, int multiprocessors) {
  double products = HUGE_VAL;
  for (const Grain& grain : kGrains) {
    const auto waves = static_cast<double>(ceil_div(tiles(problem, matrices, grain) * splits, multiprocessors));
    products = std::min(products, waves * static_cast<double>(tokens) * grain.token_seconds);
  }
  const double part_bytes = static_cast<double>(columns(problem, matrices)) * kFloatBytes * problem.d_model;
  const double parts = splits > 1 ? 2 * static_cast<double>(splits) * part_bytes * kByteSeconds + kSumSeconds : 0;
  return products + parts;
}

}  // namespace

TokenSplit split_tokens(const Problem& problem, int matrices, std::int64_t m, int multiprocessors) {
  const auto tokens_of = [&](std::int64_t splits) {
    return ceil_div(ceil_div(m, splits), kSplitTokens) * kSplitTokens;
  };
  const std::int64_t fewest = ceil_div(m, kMostTokens);
  const std::int64_t large_tiles = tiles(problem, matrices, kGrains[0]);
  const std::int64_t most =
      std::min(ceil_div(m, kSplitTokens), fewest + ceil_div(std::int64_t{2} * multiprocessors, large_tiles));
  std::int64_t best = fewest;
  double least = HUGE_VAL;
  for (std::int64_t splits = fewest; splits <= most; ++splits) {
    const double taken = seconds(problem, matrices, splits, tokens_of(splits), multiprocessors);
    if (taken < least) {
      best = splits;
      least = taken;
    }
  }
  const std::int64_t tokens = tokens_of(best);
  return {ceil_div(m, tokens), static_cast<int>(tokens)};  // rounded up, they may take one split less
}

}  // namespace swiglu
