// Errors of a whole device matrix against another, from sums over its 64x64 blocks: a wrong stripe must not hide in a
// sum over everything. The rule is tools/check.h's, on sums that were made on the device.
#pragma once

#include <cstdint>
#include <span>

#include "tools/bench/device_code.h"
#include "tools/check.h"

namespace swiglu::tool {

std::int64_t block_count(std::int64_t rows, std::int64_t columns);

// `sums` as DeviceCode::compare leaves them.
Errors errors_of(std::span<const BlockSums> sums, std::int64_t rows, std::int64_t columns);

// How far an unfused result may be from a fused one, or from float64. It rounds g, u, then out, and so loses 2.1 times
// what the fused one loses: the two together differ by 1.9 times error_limits' limit for the whole, which has a margin
// of 1.25 itself.
Limits unfused_limits(swiglu_dtype dtype, swiglu_accum accum, std::int64_t d_model, std::int64_t elements);

}  // namespace swiglu::tool
