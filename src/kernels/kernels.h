// get_kernel(config, device): a cubin loaded on a device and ready to launch. Kept for the life of the process, as work
// that a plan enqueued, and graphs that captured it, outlive the plan.
//
// Thread-safe, one loader per (config, device).
#pragma once

#include <memory>

#include "cuda/device.h"
#include "cuda/handles.h"
#include "cuda/launch.h"
#include "kernels/cubins.h"
#include "kernels/loaded_unit.h"
#include "swiglu/config.h"
#include "swiglu/params.h"

namespace swiglu {

// Loaded by get_kernel(). Immutable: any thread may launch it at any time.
class Kernel final {
 public:
  Kernel(const KernelConfig& config, const Device& device, LoadedUnit unit);

  const KernelConfig& config() const { return config_; }
  const Cubin& cubin() const { return *cubin_; }

  // Enqueues on `stream` in the device's primary context, which must be current. m >= 1. Allocates, locks and reads
  // nothing. Throws what cuda/launch.h says; Error{NOT_SUPPORTED} where m would take more blocks than a grid holds.
  void launch(const ForwardParams& params, void* stream) const;

  // The same for the kernels of the backward pass; dw_sum also for m = 0. Those with gradients ahead are two launches,
  // of which the first clears the counters.
  void launch(const BackwardParams& params, void* stream) const;

  // The same for copies between the caller's rows and padded ones, of one matrix at least.
  void launch(const CopyParams& params, void* stream) const;

  // Throws what launch() would throw of the arguments, so that nothing is begun that cannot be ended.
  template <typename Params>
  void check(const Params& params) const {
    checked_tiles(params);
  }

 private:
  long long checked_tiles(long long m, long long count) const;
  long long checked_tiles(const ForwardParams& params) const;
  long long checked_tiles(const BackwardParams& params) const;
  long long checked_tiles(const CopyParams& params) const;
  template <typename Params>
  void enqueue(long long tiles, const Params& params, void* stream) const;
  bool may_start_early(long long m) const;

  KernelConfig config_;
  const Device* device_;
  std::shared_ptr<const Cubin> cubin_;
  LibraryHandle library_;
  CUfunction function_;
  CUfunction clear_;  // what comes before it; null where nothing does
  unsigned block_;
  unsigned shared_bytes_;
};

// May be called while any stream of the process is being captured: captures stay valid.
std::shared_ptr<const Kernel> get_kernel(const KernelConfig&, const Device&, Policy);

// The same for who waits for all that is launched: not kept, and unloaded with its last owner.
std::shared_ptr<const Kernel> load_kernel(const KernelConfig&, const Device&);

}  // namespace swiglu
