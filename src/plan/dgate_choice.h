// Which kernel derives dg and du from stored g and u where dx, dWg and dWu are wanted: one of its own, the one of dx
// (Pass::dgate_dx), or the one of dWg and dWu (Pass::dgate_dw). What is faster on paper at a bucket's representative m;
// for kEveryM by the mean of the logarithms over all buckets, as plan/selection.h chooses. Not by a tile by which
// the product alone would take longer than by its best one, which is larger: then products take more energy, and under
// load, at the power limit, more time than is saved (docs/measurements.md). Always beside one where SWIGLU_TILE forces
// a tile that has a kernel for it.
//
// Any thread may ask at any time. An answer is found once; from then on asking takes no lock and allocates nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/arch.h"
#include "plan/bucket_answers.h"
#include "plan/description.h"
#include "swiglu/config.h"

namespace swiglu {

enum class Dgate { apart, beside_dx, beside_dw };

class DgateChoice {
 public:
  DgateChoice(const PlanSpec& spec, const Arch& arch, const DeviceSpec& device)  // which outlive it
      : spec_(spec), arch_(arch), device_(device) {}

  Dgate operator()(int bucket) const {
    return answers_.get(bucket, [&] { return decide(bucket); });
  }

  // Whether a bucket's kernels are those that `pass`, which is dgate_dx or dgate_dw, is one of.
  bool takes(Pass pass, int bucket) const {
    return (*this)(bucket) == (pass == Pass::dgate_dx ? Dgate::beside_dx : Dgate::beside_dw);
  }

 private:
  // The best kernel of each on paper.
  struct Apart {
    KernelConfig dgate;
    KernelConfig dx;
    KernelConfig dw;
  };

  Dgate decide(int bucket) const;
  bool is_as_fast(const Tile& tile, const KernelConfig& best, int bucket) const;
  std::optional<double> gain(const std::vector<KernelConfig>& kernels, const KernelConfig& product, const Apart& apart,
                             int bucket) const;

  const PlanSpec& spec_;
  const Arch& arch_;
  const DeviceSpec& device_;
  mutable BucketAnswers<Dgate> answers_;
};

}  // namespace swiglu
