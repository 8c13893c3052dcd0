// Which kernel serves a problem at some m: the order in which candidates are tried. No GPU needed.
#pragma once

#include <cstdint>
#include <vector>

#include "base/arch.h"
#include "swiglu/config.h"
#include "tune/estimate.h"

namespace swiglu {

// How far the list goes below the choice.
enum class Fallback {
  few,  // the next best, and a simt kernel at the end: in case the choice does not compile cleanly
  all   // every candidate: in case the choice is not cached
};

// At least one, the first being the choice. SWIGLU_TILE puts its tile first, wherever it is among the candidates.
std::vector<Choice> selection(const Problem&, std::int64_t m, const Arch&, const DeviceSpec&, Fallback);

}  // namespace swiglu
