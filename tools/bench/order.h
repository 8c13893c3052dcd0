// In which order a round times its contenders. A board remembers: who follows a light kernel starts with power in hand,
// who follows a heavy one without. So over the rounds nobody may have a favourite predecessor. A table's worth of
// arithmetic, no state.
#pragma once

#include <cstddef>
#include <vector>

namespace swiglu::tool {

// 0 .. count - 1 in the order of a round (a Williams design). In `count` rounds of an even count each follows each
// other one exactly once, and stands once in every place; of an odd count each follows each other one twice in 2
// `count` rounds.
std::vector<std::size_t> order_of_round(std::size_t count, int round);

}  // namespace swiglu::tool
