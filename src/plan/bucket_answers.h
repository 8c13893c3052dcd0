// A question whose answer is the same for all m of a bucket, and never changes: answered once for each, by whoever asks
// first. Thread-safe; from then on asking takes no lock and allocates nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

#include "plan/bucket.h"

namespace swiglu {

class BucketAnswers {
 public:
  // decide() -> bool is pure: it does not matter who finds the answer, or how many do at once.
  template <typename Decide>
  bool get(int bucket, const Decide& decide) {
    std::atomic<Answer>& answer = answers_[static_cast<std::size_t>(bucket)];
    Answer known = answer.load(std::memory_order_relaxed);
    if (known == Answer::unknown) {
      known = decide() ? Answer::yes : Answer::no;
      answer.store(known, std::memory_order_relaxed);
    }
    return known == Answer::yes;
  }

 private:
  enum class Answer : char { unknown, no, yes };

  std::array<std::atomic<Answer>, std::size_t{kBuckets} + 1> answers_{};  // and for kEveryM
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
