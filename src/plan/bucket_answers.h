// A question whose answer is the same for all m of a bucket, and never changes: answered once for each, by whoever asks
// first. Thread-safe; from then on asking takes no lock and allocates nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

#include "plan/bucket.h"

namespace swiglu {

// Answer: bool, or an enumeration of few values from 0 on.
template <typename Answer>
class BucketAnswers {
 public:
  // decide() -> Answer is pure: it does not matter who finds the answer, or how many do at once.
  template <typename Decide>
  Answer get(int bucket, const Decide& decide) {
    std::atomic<signed char>& answer = answers_[static_cast<std::size_t>(bucket)];
    signed char known = answer.load(std::memory_order_relaxed);
    if (known == 0) {
      known = static_cast<signed char>(1 + static_cast<int>(decide()));
      answer.store(known, std::memory_order_relaxed);
    }
    return static_cast<Answer>(known - 1);
  }

 private:
  std::array<std::atomic<signed char>, std::size_t{kBuckets} + 1> answers_{};  // and for kEveryM; 1 more, 0: unknown
};

// Of a bucket the value at its representative m; for kEveryM the sum of all buckets'.
template <typename Value>
double over_buckets(int bucket, const Value& value) {
  double sum = 0;
  for (int each = bucket == kEveryM ? 0 : bucket; each < (bucket == kEveryM ? kBuckets : bucket + 1); ++each) {
    sum += value(representative(each));
  }
  return sum;
}

}  // namespace swiglu
