// One kernel launch, and what to say when it fails.
#pragma once

#include <cuda.h>

#include "cuda/device.h"

namespace swiglu {

struct LaunchShape {
  unsigned grid;   // blocks along x; y and z are 1
  unsigned block;  // threads along x
  unsigned shared_bytes;
  // The kernel waits by itself for the one before it in the stream (griddepcontrol), and may be started while that
  // still runs. Ignored by drivers that cannot capture such a launch.
  bool programmatic = false;
  unsigned cluster = 1;  // blocks of a cluster, of which the grid is a multiple
};

// Enqueues on `stream` (null: the legacy default stream); `device`'s primary context must be current. One driver call,
// no lock, no allocation. `params` is the kernel's one argument. Throws Error{INVALID_ARGUMENT} where the stream is not
// of that context, which is found out only after a launch has failed; Error{CUDA_ERROR} with the driver's words
// otherwise.
void launch(CUfunction function, const LaunchShape& shape, const void* params, CUstream stream, const Device& device);

// Whether a capture into a graph is going on, valid or not. Throws Error{INVALID_ARGUMENT} for what is no stream of
// `device`'s primary context.
bool is_capturing(CUstream stream, const Device& device);

}  // namespace swiglu
