// Buckets of m: a plan holds one kernel per bucket, chosen for the bucket's largest m; what measures looks at its
// smallest too (tune/device_trial.h). Constexpr, no state.
//
// What is best changes where a tile's rows are full and one more row takes another row of tiles: at multiples of a
// tile's height. There the buckets end: up to 128 at powers of two and 96, then at multiples of 64 (which those of 128,
// 192 and 256 are among), of 176 and of 208, as long as one row of tiles more or less matters, at the first two of 144,
// and from where those of 208 no longer stand in for them of 200; then in steps that let time grow by an eighth at
// most. What the best kernel of a bucket loses to the best at exactly m is at most 5 %
// (tests/unit/plan/bucket_loss_test.cpp). The edges are fixed: which kernel serves an m does not depend on what was
// executed before.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace swiglu {

struct BucketRange {
  std::int64_t first;
  std::int64_t last;  // 0: open
};

namespace bucket {

inline constexpr std::int64_t kFew[] = {1, 2, 4, 8, 16, 32, 64, 96, 128};
// Height, first and last multiple.
inline constexpr std::int64_t kHeights[][3] = {
    {64, 64, 2048}, {144, 144, 288}, {176, 176, 2816}, {208, 208, 2912}, {200, 2200, 4000}};
inline constexpr std::int64_t kStepsFrom = 2048;
inline constexpr std::int64_t kSteps[][2] = {{128, 4096}, {512, 8192}};  // step, until
inline constexpr std::size_t kMost = 128;

struct Edges {
  std::array<std::int64_t, kMost> last{};
  std::size_t count = 0;

  constexpr void add(std::int64_t value) {
    std::size_t at = 0;
    while (at < count && last[at] < value) {
      ++at;
    }
    if (at < count && last[at] == value) {
      return;
    }
    for (std::size_t i = count++; i > at; --i) {
      last[i] = last[i - 1];
    }
    last[at] = value;
  }
};

constexpr Edges make_edges() {
  Edges edges;
  for (const std::int64_t value : kFew) {
    edges.add(value);
  }
  for (const auto& [height, first, until] : kHeights) {
    for (std::int64_t value = first; value <= until; value += height) {
      edges.add(value);
    }
  }
  std::int64_t from = kStepsFrom;
  for (const auto& [step, until] : kSteps) {
    for (; from <= until; from += step) {
      edges.add(from);
    }
    from = until;
  }
  return edges;
}

inline constexpr Edges kEdges = make_edges();

}  // namespace bucket

inline constexpr int kBuckets = static_cast<int>(bucket::kEdges.count) + 1;  // the last is open

// Not one of them: all m together, for plans that shall compute a row alike whatever m is.
inline constexpr int kEveryM = kBuckets;

// m >= 1.
constexpr int bucket_of(std::int64_t m) {
  const auto* begin = bucket::kEdges.last.begin();
  return static_cast<int>(std::lower_bound(begin, begin + bucket::kEdges.count, m) - begin);
}

constexpr BucketRange bucket_range(int number) {
  const auto index = static_cast<std::size_t>(number);
  if (number == kEveryM) {
    return {1, 0};
  }
  return {number == 0 ? 1 : bucket::kEdges.last[index - 1] + 1,
          number == kBuckets - 1 ? 0 : bucket::kEdges.last[index]};
}

// The largest m of the bucket, where a badly chosen tile costs most. Of the open one, twice what lies below it.
constexpr std::int64_t representative(int number) {
  const BucketRange range = bucket_range(number);
  return range.last != 0 ? range.last : 2 * (range.first - 1);
}

}  // namespace swiglu
