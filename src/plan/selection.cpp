#include "plan/selection.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/settings.h"
#include "base/spelling.h"
#include "tune/space.h"

namespace swiglu {
namespace {

constexpr std::size_t kTries = 3;  // a compile takes about a second; a defect of all of these is no accident

// Once a problem: plans, and the buckets of one, ask alike.
void warn_of_tile(const std::string& problem) {
  static std::mutex mutex;
  static auto* const warned = new std::set<std::string>;
  const std::lock_guard lock(mutex);
  if (warned->insert(problem).second) {
    log().warn("SWIGLU_TILE={} is no candidate for {}; the estimate chooses", *settings().tile, problem);
  }
}

// Moves the candidate with the forced tile to the front, if one is forced and there is one. Says so where there is
// none, as the user is debugging.
bool force_tile(std::vector<Choice>& choices) {
  if (!settings().tile) {
    return false;
  }
  const Tile tile = parse_tile(*settings().tile).value();  // settings keep nothing else
  const auto found =
      std::find_if(choices.begin(), choices.end(), [&](const Choice& choice) { return choice.config.tile == tile; });
  if (found == choices.end()) {
    warn_of_tile(print(choices.front().config.problem));
    return false;
  }
  found->estimate.why = "forced by SWIGLU_TILE; " + found->estimate.why;
  std::rotate(choices.begin(), found, found + 1);
  return true;
}

std::vector<Choice> rank_for_every_m(const Problem& problem, const Arch& arch, const DeviceSpec& spec) {
  std::vector<Choice> all;
  for (const KernelConfig& config : candidates(problem, arch, spec)) {
    all.push_back({config, {0, ""}});
  }
  std::vector<double> seconds(all.size());
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    std::transform(all.begin(), all.end(), seconds.begin(),
                   [&](const Choice& choice) { return estimate(choice.config, representative(bucket), spec).seconds; });
    const double best = *std::min_element(seconds.begin(), seconds.end());
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].estimate.seconds += std::log(seconds[i] / best) / kBuckets;
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Choice& a, const Choice& b) { return a.estimate.seconds < b.estimate.seconds; });
  for (Choice& choice : all) {
    choice.estimate.why = fmt::format("one kernel for every m (batch invariant): on paper {:.3g} times the best time",
                                      std::exp(choice.estimate.seconds));
  }
  return all;
}

}  // namespace

std::vector<Choice> ranked(const Problem& problem, int bucket, const Arch& arch, const DeviceSpec& spec) {
  return bucket == kEveryM ? rank_for_every_m(problem, arch, spec) : rank(problem, representative(bucket), arch, spec);
}

Selection selection(const Problem& problem, int bucket, const Arch& arch, const DeviceSpec& spec, Fallback fallback) {
  std::vector<Choice> choices = ranked(problem, bucket, arch, spec);
  const bool forced = force_tile(choices);
  if (fallback == Fallback::all || choices.size() <= kTries) {
    return {std::move(choices), forced};
  }
  const auto is_simt = [](const Choice& choice) { return choice.config.family == Family::simt; };
  const auto rest = choices.begin() + static_cast<std::ptrdiff_t>(kTries);
  std::vector<Choice> selected(choices.begin(), rest);
  const auto best_simt = std::find_if(rest, choices.end(), is_simt);
  if (best_simt != choices.end() && std::none_of(choices.begin(), rest, is_simt)) {
    selected.push_back(*best_simt);
  }
  return {std::move(selected), forced};
}

void prefer(std::vector<Choice>& choices, const KernelConfig& config, std::string why) {
  const auto found =
      std::find_if(choices.begin(), choices.end(), [&](const Choice& choice) { return choice.config == config; });
  if (found == choices.end()) {
    choices.insert(choices.begin(), {config, {0, std::move(why)}});
  } else {
    found->estimate.why = std::move(why);
    std::rotate(choices.begin(), found, found + 1);
  }
}

}  // namespace swiglu
