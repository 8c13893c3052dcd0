#include "call.h"

#include <algorithm>

namespace stand_in {

Call::Call(const char* name) : lock_(state().mutex) {
  ++state().calls[name];
  for (Failure& failure : state().failures) {
    if (failure.function == name && failure.count > 0) {
      if (failure.skip > 0) {
        --failure.skip;
      } else {
        --failure.count;
        result_ = static_cast<CUresult>(failure.result);
        return;
      }
    }
  }
}

bool valid_device(CUdevice device) { return device >= 0 && device < static_cast<int>(state().devices.size()); }

const StandInDevice& device_at(CUdevice device) { return state().devices[static_cast<std::size_t>(device)]; }

CUresult spoil_captures() {
  if (thread_state().capture_mode == CU_STREAM_CAPTURE_MODE_RELAXED) {
    return CUDA_SUCCESS;
  }
  CUresult result = CUDA_SUCCESS;
  const auto spoil = [&](Stream& stream) {
    if (stream.capturing) {
      stream.capture_valid = false;
      result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
  };
  std::for_each(state().streams.begin(), state().streams.end(), spoil);
  spoil(state().default_stream);
  return result;
}

}  // namespace stand_in
