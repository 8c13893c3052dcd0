// load_unit(unit, device): a unit's cubin, found or compiled, on a device, its entries ready to launch.
//
// A cached cubin that the driver rejects is forgotten and compiled once more: what a store holds may be slow, never
// fatal. May be called while any stream of the process is being captured: captures stay valid.
#pragma once

#include <memory>
#include <vector>

#include "cuda/device.h"
#include "cuda/handles.h"
#include "kernels/cubins.h"

namespace swiglu {

struct LoadedUnit {
  std::shared_ptr<const Cubin> cubin;
  LibraryHandle library;
  std::vector<CUfunction> functions;  // of the names asked for, in their order; usable while the library is
};

// Throws what get_cubin() and the driver throw; Error{CUDA_ERROR} for a rejected cubin that is fresh, Error{NOT_CACHED}
// for one that, by Policy::cached_only, must not be compiled again.
LoadedUnit load_unit(const Unit& unit, const std::vector<const char*>& names, const Device& device, Policy policy);

}  // namespace swiglu
