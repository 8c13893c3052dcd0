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

// Logarithm of what all kernels apart take of what they do with one in place of dgate's and the product's, if it can be
// chosen.
std::optional<double> DgateChoice::gain(const std::vector<KernelConfig>& kernels, const KernelConfig& product,
                                        const Apart& apart, int bucket) const {
  constexpr double kClearSeconds = 8e-6;  // an operation of its own, after which nothing begins early
  if (kernels.empty()) {
    return std::nullopt;
  }
  const Problem problem = kernels.front().problem;
  const bool forced = std::any_of(kernels.begin(), kernels.end(), is_forced);
  const KernelConfig beside = ranked(problem, bucket, arch_, device_).front().config;
  if (!forced && !is_as_fast(beside.tile, product, bucket)) {
    return std::nullopt;
  }
  const double gained = over_buckets(bucket, [&](std::int64_t m) {
    if (is_dw(problem.pass) && split_tokens(problem, 2, m, device_.multiprocessors).splits > 1) {
      return 0.0;  // then they are apart
    }
    const auto seconds = [&](const KernelConfig& config) { return estimate(config, m, device_).seconds; };
    const double all = seconds(apart.dgate) + seconds(apart.dx) + seconds(apart.dw);
    return std::log(all / (all - seconds(apart.dgate) - seconds(product) + seconds(beside) + kClearSeconds));
  });
  return gained > 0 || forced ? std::optional(gained) : std::nullopt;
}

Dgate DgateChoice::decide(int bucket) const {
  if (!wants(spec_, Pass::dgate)) {
    return Dgate::apart;
  }
  const auto all = [&](Pass pass) { return candidates(problem_of(spec_, pass), arch_, device_); };
  const std::vector<KernelConfig> with_dx = all(Pass::dgate_dx);
  const std::vector<KernelConfig> with_dw = all(Pass::dgate_dw);
  if (with_dx.empty() && with_dw.empty()) {
    return Dgate::apart;
  }
  const auto best = [&](Pass pass) { return ranked(problem_of(spec_, pass), bucket, arch_, device_).front().config; };
  const Apart apart{best(Pass::dgate), best(Pass::dx), best(Pass::dw)};
  const std::optional<double> by_dx = gain(with_dx, apart.dx, apart, bucket);
  const std::optional<double> by_dw = gain(with_dw, apart.dw, apart, bucket);
  if (by_dw && (!by_dx || *by_dw > *by_dx)) {
    return Dgate::beside_dw;
  }
  return by_dx ? Dgate::beside_dx : Dgate::apart;
}

}  // namespace swiglu
