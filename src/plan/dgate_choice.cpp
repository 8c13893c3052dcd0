#include "plan/dgate_choice.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/settings.h"
#include "base/spelling.h"
#include "plan/selection.h"
#include "tune/estimate.h"
#include "tune/space.h"

namespace swiglu {

bool DgateChoice::decide(int bucket) const {
  constexpr double kClearSeconds = 8e-6;  // an operation of its own, after which nothing begins early
  const Problem together = problem_of(spec_, Pass::dgate_dx);
  if (!wants(spec_, Pass::dgate_dx)) {
    return false;
  }
  const std::vector<KernelConfig> kernels = candidates(together, arch_, device_);
  if (kernels.empty()) {
    return false;
  }
  if (settings().tile) {
    const Tile forced = parse_tile(*settings().tile).value();  // settings keep nothing else
    const auto has_it = [&](const KernelConfig& config) { return config.tile == forced; };
    if (std::any_of(kernels.begin(), kernels.end(), has_it)) {
      return true;
    }
  }
  const KernelConfig beside = ranked(together, bucket, arch_, device_).front().config;
  const KernelConfig dx = ranked(problem_of(spec_, Pass::dx), bucket, arch_, device_).front().config;
  if (beside.tile != dx.tile) {
    return false;
  }
  const KernelConfig dgate = ranked(problem_of(spec_, Pass::dgate), bucket, arch_, device_).front().config;
  const double gain = over_buckets(bucket, [&](std::int64_t m) {
    return std::log(estimate(dx, m, device_).seconds + estimate(dgate, m, device_).seconds) -
           std::log(estimate(beside, m, device_).seconds + kClearSeconds);
  });
  return gain > 0;
}

}  // namespace swiglu
