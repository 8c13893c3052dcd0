// Which GPUs `swiglu prewarm` shares its work out to. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "tools/library.h"

namespace swiglu::tool {

// The ordinals `wanted` names ("0", "3", or "all": every GPU that the library can use), in groups of cards that are
// alike in all that swiglu_info says of them, so that what one of a group has measured serves the others. Throws
// Failure where there is no such GPU, or it cannot be used.
std::vector<std::vector<int>> alike_devices(const Json& info, const std::vector<std::string>& wanted);

}  // namespace swiglu::tool
