#include "plan/selection.h"

#include <algorithm>

#include "base/log.h"
#include "base/settings.h"
#include "base/spelling.h"

namespace swiglu {
namespace {

constexpr std::size_t kTries = 3;  // a compile takes about a second; a defect of all of these is no accident

// Moves the candidate with the forced tile to the front. Says so where there is none, as the user is debugging.
void force_tile(std::vector<Choice>& choices) {
  if (!settings().tile) {
    return;
  }
  const std::optional<Tile> tile = parse_tile(*settings().tile);
  const auto found = std::find_if(choices.begin(), choices.end(),
                                  [&](const Choice& choice) { return tile && choice.config.tile == *tile; });
  if (found == choices.end()) {
    log().warn("SWIGLU_TILE={} is {} for {}; the estimate chooses", *settings().tile,
               tile ? "no candidate" : "not the spelling of a tile (128x64x32_s4_w2x2_g16)",
               print(choices.front().config.problem));
    return;
  }
  found->estimate.why = "forced by SWIGLU_TILE; " + found->estimate.why;
  std::rotate(choices.begin(), found, found + 1);
}

}  // namespace

std::vector<Choice> selection(const Problem& problem, std::int64_t m, const Arch& arch, const DeviceSpec& spec,
                              Fallback fallback) {
  std::vector<Choice> choices = rank(problem, m, arch, spec);
  force_tile(choices);
  if (fallback == Fallback::all || choices.size() <= kTries) {
    return choices;
  }
  const auto is_simt = [](const Choice& choice) { return choice.config.family == Family::simt; };
  const auto rest = choices.begin() + static_cast<std::ptrdiff_t>(kTries);
  std::vector<Choice> selected(choices.begin(), rest);
  const auto best_simt = std::find_if(rest, choices.end(), is_simt);
  if (best_simt != choices.end() && std::none_of(choices.begin(), rest, is_simt)) {
    selected.push_back(*best_simt);
  }
  return selected;
}

}  // namespace swiglu
