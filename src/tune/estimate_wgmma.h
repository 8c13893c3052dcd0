// What family wgmma_sm90 should take on paper. Its own model: blocks stay on their multiprocessor and walk tiles, the
// tensor cores are nearly always busy, and the card's power decides how fast they go. Pure.
#pragma once

#include <cstdint>

#include "tune/estimate.h"

namespace swiglu {

// m >= 1; the configuration must be valid, and of that family.
Estimate estimate_wgmma(const KernelConfig&, std::int64_t m, const DeviceSpec&);

}  // namespace swiglu
