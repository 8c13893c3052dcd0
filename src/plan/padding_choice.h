// Whether an m of a bucket goes by way of padded rows (plan/padding.h) where the caller lends a workspace: on paper, by
// the best kernel for padded rows and the copies against the best for the rows as they are, at the bucket's
// representative m; for kEveryM by the mean of the logarithms over all buckets, as plan/selection.h chooses.
//
// Any thread may ask at any time. An answer is found once; from then on asking takes no lock and allocates nothing.
#pragma once

#include <array>

#include "base/arch.h"
#include "plan/bucket_answers.h"
#include "plan/description.h"

namespace swiglu {

class PaddingChoice {
 public:
  PaddingChoice(const PlanSpec& spec, const Arch& arch, const DeviceSpec& device)  // which outlive it
      : spec_(spec), arch_(arch), device_(device) {}

  // False for every pass but the forward ones, and where no row needs padding.
  bool operator()(Pass, int bucket) const;

  // For some forward pass of the plan: pad and unpad may be wanted.
  bool any(int bucket) const;

 private:
  bool decide(Pass, int bucket) const;

  const PlanSpec& spec_;
  const Arch& arch_;
  const DeviceSpec& device_;
  mutable std::array<BucketAnswers<bool>, 2> answers_;  // forward, with store
};

}  // namespace swiglu
