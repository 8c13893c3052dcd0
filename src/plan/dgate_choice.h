// Whether dg and du are computed beside dx (Pass::dgate_dx), where both are wanted, or by a kernel of their own before
// it: what is faster on paper at a bucket's representative m; for kEveryM by the mean of the logarithms over all
// buckets, as plan/selection.h chooses. Not where dx alone is computed by a larger tile: then products take more
// energy, and under load, at the power limit, more time than is saved (docs/measurements.md). Always beside where
// SWIGLU_TILE forces a tile that has a kernel for it.
//
// Any thread may ask at any time. An answer is found once; from then on asking takes no lock and allocates nothing.
#pragma once

#include "base/arch.h"
#include "plan/bucket_answers.h"
#include "plan/description.h"

namespace swiglu {

class DgateChoice {
 public:
  DgateChoice(const PlanSpec& spec, const Arch& arch, const DeviceSpec& device)  // which outlive it
      : spec_(spec), arch_(arch), device_(device) {}

  bool operator()(int bucket) const {
    return answers_.get(bucket, [&] { return decide(bucket); });
  }

 private:
  bool decide(int bucket) const;

  const PlanSpec& spec_;
  const Arch& arch_;
  const DeviceSpec& device_;
  mutable BucketAnswers answers_;
};

}  // namespace swiglu
