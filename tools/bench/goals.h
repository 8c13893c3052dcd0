// What the backward pass must reach, as data: the most that ours may take of a baseline's time. It is judged on Hopper,
// in bf16, bursts and sustained, both layouts; a bench on other cards shows the same figures, which bind no one there.
#pragma once

#include <optional>

#include "tools/bench/contenders.h"
#include "tools/bench/suites.h"

namespace swiglu::tool {

// The limit of a ratio at a point; nothing where there is none.
std::optional<double> goal_of(const BenchPoint& point, const Comparison& comparison);

}  // namespace swiglu::tool
