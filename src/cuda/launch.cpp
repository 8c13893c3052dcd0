#include "cuda/launch.h"

#include <optional>

#include "base/error.h"
#include "cuda/driver.h"

namespace swiglu {
namespace {

// The ordinal of a context's device, by making it current for a moment.
std::optional<int> device_of(CUcontext context) {
  const DriverTable& table = driver();
  CUdevice device = 0;
  CUcontext popped = nullptr;
  if (table.context_push_current(context) != CUDA_SUCCESS) {
    return std::nullopt;
  }
  const bool known = table.context_get_device(&device) == CUDA_SUCCESS;
  table.context_pop_current(&popped);
  return known ? std::optional<int>(device) : std::nullopt;
}

// Throws Error{INVALID_ARGUMENT} where the stream is what made `result` come about.
void blame_stream(CUresult result, CUstream stream, const Device& device) {
  const bool about_handles = result == CUDA_ERROR_INVALID_HANDLE || result == CUDA_ERROR_INVALID_CONTEXT ||
                             result == CUDA_ERROR_CONTEXT_IS_DESTROYED || result == CUDA_ERROR_INVALID_VALUE;
  if (!about_handles || stream == nullptr) {
    return;
  }
  CUcontext context = nullptr;
  if (driver().stream_get_context(stream, &context) != CUDA_SUCCESS) {
    fail(SWIGLU_INVALID_ARGUMENT,
         "the stream {} is none that the driver knows ({}): pass a CUstream of device {}, or NULL",
         static_cast<const void*>(stream), describe(driver(), result), device.ordinal());
  }
  if (context == device.context()) {
    return;
  }
  const std::optional<int> owner = device_of(context);
  if (owner && *owner != device.ordinal()) {
    fail(SWIGLU_INVALID_ARGUMENT,
         "the plan is for device {}, and the stream belongs to device {}: pass a stream of device {}", device.ordinal(),
         *owner, device.ordinal());
  }
  fail(SWIGLU_INVALID_ARGUMENT,
       "the stream belongs to another context of device {} than its primary one: pass a stream made in the primary "
       "context "
       "(as the CUDA runtime does)",
       device.ordinal());
}

}  // namespace

void launch(CUfunction function, const LaunchShape& shape, const void* params, CUstream stream, const Device& device) {
  CUlaunchConfig config{};
  config.gridDimX = shape.grid;
  config.gridDimY = 1;
  config.gridDimZ = 1;
  config.blockDimX = shape.block;
  config.blockDimY = 1;
  config.blockDimZ = 1;
  config.sharedMemBytes = shape.shared_bytes;
  config.hStream = stream;
  constexpr int kCapturesProgrammaticLaunches = 12030;
  CUlaunchAttribute attributes[2] = {};
  config.attrs = attributes;
  if (shape.programmatic && driver().version >= kCapturesProgrammaticLaunches) {
    CUlaunchAttribute& programmatic = attributes[config.numAttrs++];
    programmatic.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
    programmatic.value.programmaticStreamSerializationAllowed = 1;
  }
  if (shape.cluster > 1) {
    CUlaunchAttribute& cluster = attributes[config.numAttrs++];
    cluster.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
    cluster.value.clusterDim = {shape.cluster, 1, 1};
  }
  void* arguments[] = {const_cast<void*>(params)};
  const CUresult result = driver().launch_kernel(&config, function, arguments, nullptr);
  if (result != CUDA_SUCCESS) {
    blame_stream(result, stream, device);
    check(result, "launching a kernel (the error may be of earlier work on the device)");
  }
}

bool is_capturing(CUstream stream, const Device& device) {
  CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
  const CUresult result = driver().stream_is_capturing(stream, &status);
  if (result == CUDA_ERROR_STREAM_CAPTURE_IMPLICIT) {  // the legacy default stream while another stream is captured
    return true;
  }
  if (result != CUDA_SUCCESS) {
    blame_stream(result, stream, device);
    check(result, "asking whether the stream is being captured");
  }
  return status != CU_STREAM_CAPTURE_STATUS_NONE;
}

}  // namespace swiglu
