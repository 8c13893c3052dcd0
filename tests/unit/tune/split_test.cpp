// How tokens are split: every token in one split, sums of bounded length, and no more parts than the card has use for.
#include "tune/split.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace swiglu {
namespace {

constexpr int kMultiprocessors = 132;

Problem problem(int d_model, int d_intermediate) {
  return {DType::bf16, Accum::f32, Layout::kn, Pass::dw, d_model, d_intermediate, 16};
}

TokenSplit split(int d_model, int d_intermediate, std::int64_t m, int matrices = 2) {
  return split_tokens(problem(d_model, d_intermediate), matrices, m, kMultiprocessors);
}

TEST_CASE("every token is in one split, and no split is empty or too long") {
  for (const int extent : {1, 64, 300, 4096}) {
    for (std::int64_t m = 1; m < std::int64_t{1} << 33; m += 1 + m / 5) {
      for (const int matrices : {1, 2}) {
        const TokenSplit of = split(extent, 2 * extent, m, matrices);
        CHECK(of.splits >= 1);
        CHECK(of.tokens % kSplitTokens == 0);
        CHECK(of.tokens <= kMostTokens);
        CHECK((of.splits - 1) * of.tokens < m);
        CHECK(of.splits * of.tokens >= m);
      }
    }
  }
}

TEST_CASE("weights that fill the card are not split, and small ones fill it") {
  CHECK(split(4096, 14336, 8192).splits == 1);
  CHECK(split(4096, 14336, 32768).splits == 1);
  CHECK(split(4096, 14336, 32769).splits == 2);  // the longest sum
  CHECK(split(1024, 3072, 8192).splits == 1);    // 192 tiles of 128 x 256 would be, 384 half as large need not
  const TokenSplit small = split(256, 512, 16384);
  CHECK(small.splits * 32 >= kMultiprocessors);  // of 32 tiles of 64 x 128
  CHECK(small.splits * 32 <= 4 * kMultiprocessors);
  CHECK(split(256, 512, 128).splits == 1);
  CHECK(split(256, 512, 1).splits == 1);
}

TEST_CASE("what one gradient alone takes is no less split") {
  for (const std::int64_t m : {1000, 10000, 100000}) {
    CHECK(split(256, 512, m, 1).splits >= split(256, 512, m, 2).splits);
  }
}

}  // namespace
}  // namespace swiglu
