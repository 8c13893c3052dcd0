// Descriptions of matrices for the tensor memory accelerator, as kernels take them among their arguments.
#pragma once

#include "swiglu/config.h"
#include "swiglu/params.h"

namespace swiglu {

// Rows of 16-bit elements. The base, and pitch in bytes, are multiples of 16; pitch counts elements, below 2^39.
struct MatrixView {
  const void* base;
  long long rows;
  long long columns;
  long long pitch;
};

// Host work alone: no lock, no allocation, nothing of the device is touched. Throws Error{CUDA_ERROR} with what was
// asked where the driver refuses.
TensorMap encode_tensor_map(const MatrixView&, const Box&);

}  // namespace swiglu
