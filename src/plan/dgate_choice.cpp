#include "plan/dgate_choice.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/settings.h"
#include "base/spelling.h"
#include "plan/selection.h"
#include "tune/estimate.h"
#include "tune/space.h"
#include "tune/split.h"

namespace swiglu {
namespace {

bool is_forced(const KernelConfig& config) {
  return settings().tile && config.tile == parse_tile(*settings().tile).value();  // settings keep nothing else
}

}  // namespace

// Whether a product by the tile takes about as long as by the best one.
bool DgateChoice::is_as_fast(const Tile& tile, const KernelConfig& best, int bucket) const {
  constexpr double kAbout = 1.01;
  const KernelConfig other{best.problem, Family::wgmma_sm90, tile};
  return tile == best.tile ||
         over_buckets(bucket, [&](std::int64_t m) {
           return std::log(estimate(other, m, device_).seconds / (kAbout * estimate(best, m, device_).seconds));
         }) < 0;
}

// Logarithm of what one kernel takes of what two do, if it can be chosen.
std::optional<double> DgateChoice::gain(Pass together, Pass alone, int bucket) const {
  constexpr double kClearSeconds = 8e-6;  // an operation of its own, after which nothing begins early
  const Problem problem = problem_of(spec_, together);
  const std::vector<KernelConfig> kernels = candidates(problem, arch_, device_);
  if (kernels.empty()) {
    return std::nullopt;
  }
  const bool forced = std::any_of(kernels.begin(), kernels.end(), is_forced);
  const KernelConfig beside = ranked(problem, bucket, arch_, device_).front().config;
  const KernelConfig product = ranked(problem_of(spec_, alone), bucket, arch_, device_).front().config;
  if (!forced && !is_as_fast(beside.tile, product, bucket)) {
    return std::nullopt;
  }
  const KernelConfig dgate = ranked(problem_of(spec_, Pass::dgate), bucket, arch_, device_).front().config;
  const Pass other = alone == Pass::dx ? Pass::dw : Pass::dx;
  const KernelConfig rest = ranked(problem_of(spec_, other), bucket, arch_, device_).front().config;
  const double gained = over_buckets(bucket, [&](std::int64_t m) {
    if (together == Pass::dgate_dw && split_tokens(problem, 2, m, device_.multiprocessors).splits > 1) {
      return 0.0;  // then they are apart
    }
    const auto seconds = [&](const KernelConfig& config) { return estimate(config, m, device_).seconds; };
    return std::log((seconds(dgate) + seconds(product) + seconds(rest)) /
                    (seconds(beside) + kClearSeconds + seconds(rest)));
  });
  return gained > 0 || forced ? std::optional(gained) : std::nullopt;
}

Dgate DgateChoice::decide(int bucket) const {
  if (!wants(spec_, Pass::dgate)) {
    return Dgate::apart;
  }
  const std::optional<double> by_dx = gain(Pass::dgate_dx, Pass::dx, bucket);
  const std::optional<double> by_dw = gain(Pass::dgate_dw, Pass::dw, bucket);
  if (by_dw && (!by_dx || *by_dw > *by_dx)) {
    return Dgate::beside_dw;
  }
  return by_dx ? Dgate::beside_dx : Dgate::apart;
}

}  // namespace swiglu
