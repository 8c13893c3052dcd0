// The kernels of swiglu/trial.cuh on a device: random operands, and how far two results are apart. Compiled, stored and
// kept as all others.
#pragma once

#include <memory>

#include "cuda/device.h"
#include "cuda/handles.h"
#include "kernels/loaded_unit.h"
#include "swiglu/params.h"

namespace swiglu {

// Immutable: any thread may enqueue. The device's primary context must be current.
class TrialKernels final {
 public:
  // Compiles what no store holds. May be called while any stream of the process is being captured. Thread-safe.
  static std::shared_ptr<const TrialKernels> get(const Device& device);

  TrialKernels(const Device& device, LoadedUnit loaded);

  void fill(const FillParams& params, CUstream stream) const;
  void block_errors(const BlockErrorParams& params, CUstream stream) const;

 private:
  void enqueue(CUfunction function, const void* params, CUstream stream) const;

  const Device& device_;
  LibraryHandle library_;
  CUfunction fill_;
  CUfunction block_errors_;
};

}  // namespace swiglu
