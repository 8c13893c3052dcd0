#include "kernels/trial_kernels.h"

#include <string>

#include "cuda/driver.h"
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

CUfunction function_of(CUlibrary library, const char* name) {
  const DriverTable& table = driver();
  CUkernel kernel = nullptr;
  CUfunction function = nullptr;
  check(table.library_get_kernel(&kernel, library, name), "finding a trial kernel");
  check(table.kernel_get_function(&function, kernel), "loading a trial kernel");
  if (table.function_load != nullptr) {
    check(table.function_load(function), "loading a trial kernel");
  }
  return function;
}

}  // namespace

std::shared_ptr<const TrialKernels> TrialKernels::get(const Device& device) {
  static auto* const loaded = new SingleFlight<TrialKernels>;  // leaked, as all that outlives static objects
  return loaded->get(std::to_string(device.ordinal()), [&] {
    const auto cubin = get_cubin(Unit{"trial", kSource, 0}, device.arch().name, Policy::compile);
    return std::make_shared<const TrialKernels>(device, *cubin);
  });
}

TrialKernels::TrialKernels(const Device& device, const Cubin& cubin) : device_(device) {
  const RelaxedCapture relaxed;
  const CurrentContext current(device);
  CUlibrary library = nullptr;
  check(driver().library_load_data(&library, cubin.entry.cubin.data(), nullptr, nullptr, 0, nullptr, nullptr, 0),
        "loading the trial kernels");
  library_ = LibraryHandle(library);
  fill_ = function_of(library, kFillName);
  block_errors_ = function_of(library, kBlockErrorsName);
}

void TrialKernels::fill(const FillParams& params, CUstream stream) const { enqueue(fill_, &params, stream); }

void TrialKernels::block_errors(const BlockErrorParams& params, CUstream stream) const {
  enqueue(block_errors_, &params, stream);
}

void TrialKernels::enqueue(CUfunction function, const void* params, CUstream stream) const {
  const auto blocks = kBlocksPerMultiprocessor * static_cast<unsigned>(device_.spec().multiprocessors);
  launch(function, {blocks, kThreads, 0}, params, stream, device_);
}

}  // namespace swiglu
