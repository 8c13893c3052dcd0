// bf16 and f16 as bit patterns on the host: to float exactly, from float rounded to nearest even. Overflow gives Inf,
// denormals are kept, NaN stays NaN. The program's own, since it sees nothing of the library but its header.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>

namespace swiglu::tool {

std::uint16_t narrow(swiglu_dtype dtype, float value);
float widen(swiglu_dtype dtype, std::uint16_t bits);

}  // namespace swiglu::tool
