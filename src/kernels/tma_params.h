// The arguments of kernels that load and store by tensor maps, from those of the others.
#pragma once

#include "swiglu/config.h"
#include "swiglu/params.h"

namespace swiglu {

// Of a configuration of family wgmma_sm90. Host work alone. Throws what cuda/tensor_map.h says.
TmaForwardParams tma_params(const KernelConfig&, const ForwardParams&);

}  // namespace swiglu
