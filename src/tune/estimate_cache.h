// What the L2 cache has to do with the time of a kernel of wgmma_sm90, on paper: how fast tiles are loaded, and what
// the order in which they are walked costs. Pure functions.
#pragma once

#include "base/arch.h"
#include "swiglu/config.h"
#include "tune/product_sizes.h"

namespace swiglu {

// How far cache and memory are an H100's (1) rather than an H200's (0): what blocks that fall out of step lose is of
// the one, and hardly seen on the other.
double slow_share(const DeviceSpec& spec);

// Of one stage of `rows` rows of A and both halves of B, in a multiprocessor.
double stage_load_clocks(const KernelConfig& config, double rows);

// Of all stages of all tiles together, as far as the cache is what they wait for: a bound from below.
double all_load_clocks(const KernelConfig& config, const ProductSizes& sizes, std::int64_t m, const DeviceSpec& spec);

// By which the time to multiply grows or shrinks with the order of the raster (swiglu/raster.cuh).
double raster_factor(const KernelConfig& config, const ProductSizes& sizes, const DeviceSpec& spec);

}  // namespace swiglu
