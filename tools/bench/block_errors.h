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

// How far a fused and an unfused result of the same operands may differ, each computed from sums of this type: the
// unfused one rounds g, u and out, and stands within 2.1 of the fused one's limit of float64 (docs/numerics.md).
Limits unfused_limits(swiglu_dtype dtype, swiglu_accum accum, std::int64_t d_model, std::int64_t elements);

}  // namespace swiglu::tool
