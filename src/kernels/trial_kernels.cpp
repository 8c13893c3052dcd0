#include "kernels/trial_kernels.h"

#include <string>
#include <utility>

#include "cuda/launch.h"
#include "kernels/single_flight.h"

namespace swiglu {
namespace {

constexpr unsigned kThreads = 256;  // trial::kTrialThreads
constexpr unsigned kBlocksPerMultiprocessor = 8;
constexpr const char* kFillName = "swiglu_fill";
constexpr const char* kBlockErrorsName = "swiglu_block_errors";

constexpr const char* kSource = R"(#include "swiglu/trial.cuh"

extern "C" __global__ void __launch_bounds__(swiglu::trial::kTrialThreads)
    swiglu_fill(const __grid_constant__ swiglu::FillParams params) {
  swiglu::trial::fill(params);
}

extern "C" __global__ void __launch_bounds__(swiglu::trial::kTrialThreads)
    swiglu_block_errors(const __grid_constant__ swiglu::BlockErrorParams params) {
  swiglu::trial::block_errors(params);
}
)";

}  // namespace

std::shared_ptr<const TrialKernels> TrialKernels::get(const Device& device) {
  static auto* const loaded = new SingleFlight<TrialKernels>;  // leaked, as all that outlives static objects
  return loaded->get(std::to_string(device.ordinal()), [&] {
    return std::make_shared<const TrialKernels>(
        device, load_unit({"trial", kSource, 0}, {kFillName, kBlockErrorsName}, device, Policy::compile));
  });
}

TrialKernels::TrialKernels(const Device& device, LoadedUnit loaded)
    : device_(device),
      library_(std::move(loaded.library)),
      fill_(loaded.functions[0]),
      block_errors_(loaded.functions[1]) {}

void TrialKernels::fill(const FillParams& params, CUstream stream) const { enqueue(fill_, &params, stream); }

void TrialKernels::block_errors(const BlockErrorParams& params, CUstream stream) const {
  enqueue(block_errors_, &params, stream);
}

void TrialKernels::enqueue(CUfunction function, const void* params, CUstream stream) const {
  const auto blocks = kBlocksPerMultiprocessor * static_cast<unsigned>(device_.spec().multiprocessors);
  launch(function, {blocks, kThreads, 0}, params, stream, device_);
}

}  // namespace swiglu
