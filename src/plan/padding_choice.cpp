#include "plan/padding_choice.h"

#include <cmath>
#include <cstdint>

#include "plan/padding.h"
#include "plan/selection.h"
#include "tune/estimate.h"

namespace swiglu {
namespace {

double seconds_of(const Copies& copies, const Problem& copying, const DeviceSpec& device) {
  double elements = 0;
  for (int matrix = 0; matrix < kCopied; ++matrix) {
    elements += static_cast<double>(copies.params.matrices[matrix].rows) * copied_columns(copying, matrix);
  }
  return copies.any ? copy_seconds(elements, copying.access_bytes, device) : 0;
}

}  // namespace

bool PaddingChoice::operator()(Pass pass, int bucket) const {
  if (!is_forward(pass) || problem_of(spec_, pass).access_bytes == kChunkBytes) {
    return false;
  }
  return answers_[pass == Pass::forward ? 0 : 1].get(bucket, [&] { return decide(pass, bucket); });
}

bool PaddingChoice::any(int bucket) const {
  for (const Pass pass : {Pass::forward, Pass::forward_store}) {
    if (wants(spec_, pass) && (*this)(pass, bucket)) {
      return true;
    }
  }
  return false;
}

bool PaddingChoice::decide(Pass pass, int bucket) const {
  const Problem as_they_are = problem_of(spec_, pass);
  const KernelConfig direct = ranked(as_they_are, bucket, arch_, device_).front().config;
  const KernelConfig padded = ranked(padded_rows(as_they_are), bucket, arch_, device_).front().config;
  const Problem pad = problem_of(spec_, Pass::pad);
  const Problem unpad = problem_of(spec_, Pass::unpad);
  const double gain = over_buckets(bucket, [&](std::int64_t m) {
    const PaddedForward way = padded_forward(spec_, pass, m);
    return std::log(estimate(direct, m, device_).seconds) -
           std::log(estimate(padded, m, device_).seconds + seconds_of(way.inputs, pad, device_) +
                    seconds_of(way.outputs, unpad, device_));
  });
  return gain > 0;
}

}  // namespace swiglu
