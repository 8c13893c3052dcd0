#include "plan/bucket.h"

#include <doctest/doctest.h>

#include <limits>

namespace swiglu {
namespace {

TEST_CASE("every m is in the one bucket whose range holds it") {
  std::int64_t next = 1;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    const BucketRange range = bucket_range(bucket);
    CHECK(range.first == next);
    CHECK(bucket_of(range.first) == bucket);
    if (bucket == kBuckets - 1) {
      CHECK(range.last == 0);
      CHECK(representative(bucket) > range.first);
    } else {
      CHECK(bucket_of(range.last) == bucket);
      CHECK(representative(bucket) == range.last);
      next = range.last + 1;
    }
  }
  CHECK(bucket_range(kEveryM).first == 1);
  CHECK(bucket_range(kEveryM).last == 0);
  CHECK(bucket_of(8192) == kBuckets - 2);
  CHECK(bucket_of(8193) == kBuckets - 1);
  CHECK(bucket_of(std::numeric_limits<std::int64_t>::max()) == kBuckets - 1);
}

}  // namespace
}  // namespace swiglu
