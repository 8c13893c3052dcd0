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
// of 1.25 itself. The same of gradients, with `terms` products in a sum: one result may have g and u rounded, both
// round dg and du and then the sum, sqrt(5) roundings together.
Limits unfused_limits(swiglu_dtype dtype, swiglu_accum accum, std::int64_t terms, std::int64_t elements);

// How far a gradient may be from float64: a sum of `terms` products of dg and du, which were rounded, and rounded
// itself. Two independent roundings together lose sqrt(2) times what one does; of a block, at most twice.
Limits gradient_limits(swiglu_dtype dtype, swiglu_accum accum, std::int64_t terms, std::int64_t elements);

}  // namespace swiglu::tool
