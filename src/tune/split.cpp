#include "tune/split.h"

#include <algorithm>

namespace swiglu {
namespace {

// A tile of 128 x 2 x 128, which the best kernels have, whatever the kernel will be: a product of one token takes it
// about 11 ns on one multiprocessor, and a byte of the parts, which are written and read again, a fraction of a
// picosecond.
constexpr std::int64_t kTile = 128;
constexpr double kTokenSeconds = 11e-9;
constexpr double kByteSeconds = 0.25e-12;
constexpr double kSumSeconds = 4e-6;  // one more launch
constexpr int kFloatBytes = 4;

double seconds(std::int64_t tiles, std::int64_t splits, std::int64_t tokens, double part_bytes, int multiprocessors) {
  const auto waves = static_cast<double>(ceil_div(tiles * splits, multiprocessors));
  const double parts = splits > 1 ? 2 * static_cast<double>(splits) * part_bytes * kByteSeconds + kSumSeconds : 0;
  return waves * static_cast<double>(tokens) * kTokenSeconds + parts;
}

}  // namespace

TokenSplit split_tokens(const Problem& problem, int matrices, std::int64_t m, int multiprocessors) {
  const std::int64_t tiles =
      ceil_div(ceil_div(problem.d_model, kTile) * ceil_div(problem.d_intermediate, kTile) * matrices, 2);
  const double part_bytes = static_cast<double>(matrices) * kFloatBytes * problem.d_model * problem.d_intermediate;
  const auto tokens_of = [&](std::int64_t splits) {
    return ceil_div(ceil_div(m, splits), kSplitTokens) * kSplitTokens;
  };
  const std::int64_t fewest = ceil_div(m, kMostTokens);
  const std::int64_t most =
      std::min(ceil_div(m, kSplitTokens), fewest + ceil_div(std::int64_t{2} * multiprocessors, tiles));
  std::int64_t best = fewest;
  double least = seconds(tiles, best, tokens_of(best), part_bytes, multiprocessors);
  for (std::int64_t splits = fewest + 1; splits <= most; ++splits) {
    const double taken = seconds(tiles, splits, tokens_of(splits), part_bytes, multiprocessors);
    if (taken < least) {
      best = splits;
      least = taken;
    }
  }
  const std::int64_t tokens = tokens_of(best);
  return {ceil_div(m, tokens), static_cast<int>(tokens)};  // rounded up, they may take one split less
}

}  // namespace swiglu
