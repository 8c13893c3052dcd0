// How the tokens are split for dWg and dWu: where the tiles of the weights do not fill the card, and so that no f32 sum
// is longer than kMostTokens, beyond which it would lose more than a rounding to 16 bits does now and then.
//
// A function of problem, m and multiprocessors alone, so that neither the tile nor the tuner decides any bit of a
// gradient. Pure.
#pragma once

#include <cstdint>

#include "swiglu/config.h"

namespace swiglu {

inline constexpr std::int64_t kMostTokens = 32768;

struct TokenSplit {
  std::int64_t splits;  // >= 1; no more than there are kSplitTokens in m
  int tokens;           // of each but the last, a multiple of kSplitTokens
};

// m >= 1. `matrices`: how many of dWg and dWu are wanted.
TokenSplit split_tokens(const Problem&, int matrices, std::int64_t m, int multiprocessors);

}  // namespace swiglu
