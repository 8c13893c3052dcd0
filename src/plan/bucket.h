// Buckets of m: a plan holds one kernel per bucket, chosen for the bucket's representative. Constexpr, no state.
//
// Bucket b holds 2^(b-1) < m <= 2^b, so 1, 2, 3..4, 5..8, and so on; the last is open: 8193 and everything above.
#pragma once

#include <bit>
#include <cstdint>

namespace swiglu {

inline constexpr int kBuckets = 15;

struct BucketRange {
  std::int64_t first;
  std::int64_t last;  // 0: open
};

// m >= 1.
constexpr int bucket_of(std::int64_t m) {
  const auto bucket = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(m) - 1));
  return bucket < kBuckets ? bucket : kBuckets - 1;
}

// The largest m of the bucket: where a badly chosen tile costs most. Of the open one, twice its smallest.
constexpr std::int64_t representative(int bucket) { return std::int64_t{1} << bucket; }

constexpr BucketRange bucket_range(int bucket) {
  return {bucket == 0 ? 1 : (std::int64_t{1} << (bucket - 1)) + 1, bucket == kBuckets - 1 ? 0 : representative(bucket)};
}

}  // namespace swiglu
