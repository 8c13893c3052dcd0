// Which kernel serves a problem in a bucket of m: the order in which candidates are tried. No GPU needed.
#pragma once

#include <string>
#include <vector>

#include "base/arch.h"
#include "plan/bucket.h"
#include "swiglu/config.h"
#include "tune/estimate.h"

namespace swiglu {

// How far the list goes below the choice.
enum class Fallback {
  few,  // the next best, and a simt kernel at the end: in case the choice does not compile cleanly
  all   // every candidate: in case the choice is not cached
};

struct Selection {
  std::vector<Choice> choices;  // at least one, the first being the choice
  bool forced;                  // by SWIGLU_TILE, which puts its tile first wherever it is among the candidates
};

// Every candidate, best first on paper for a bucket's representative m. For kEveryM: what loses least over all buckets,
// by the mean of the logarithms of its time over the best one's.
std::vector<Choice> ranked(const Problem&, int bucket, const Arch&, const DeviceSpec&);

// Of those.
Selection selection(const Problem&, int bucket, const Arch&, const DeviceSpec&, Fallback);

// Puts a configuration first, whether it is among the choices or not.
void prefer(std::vector<Choice>& choices, const KernelConfig& config, std::string why);

}  // namespace swiglu
