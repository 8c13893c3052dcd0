// The space of kernels: one constexpr table of tiles per family, and the predicate that says which suit a problem on an
// architecture. No GPU, no state; every function may be called from any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/arch.h"
#include "swiglu/config.h"

namespace swiglu {

// Of templates and tile table together. Raised by whoever changes them so that earlier measurements mislead: tuning
// records of another version are not found.
inline constexpr int kGeneratorVersion = 4;

std::span<const Tile> tile_table(Family);

// Why a device cannot run a configuration ("" if it can): why_invalid() of swiglu/validity.h, then the device's limits.
std::string why_unfit(const KernelConfig&, const DeviceSpec&);

// Every table row that is valid for the problem and fits the device, in canonical order (family preference, then row).
// Never empty: simt serves every valid problem that is a product, streaming every other. Throws Error{INVALID_ARGUMENT}
// for one that is not.
std::vector<KernelConfig> candidates(const Problem&, const Arch&, const DeviceSpec&);

// The first of them that is of the family.
std::optional<KernelConfig> first_of(Family, const Problem&, const Arch&, const DeviceSpec&);

}  // namespace swiglu
