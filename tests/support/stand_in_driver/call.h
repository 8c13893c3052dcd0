// How each of the stand-in's driver functions begins: STAND_IN_CALL("cuName") counts the call, honours an injected
// failure, and holds the state's mutex until the function returns. And the questions that several of them ask.
#pragma once

#include <cuda.h>

#include <mutex>

#include "state.h"

namespace stand_in {

// Counts the call; the injected result, or CUDA_SUCCESS. Holds the mutex while it lives.
class Call {
 public:
  explicit Call(const char* name);
  CUresult injected() const { return result_; }

 private:
  std::lock_guard<std::mutex> lock_;
  CUresult result_ = CUDA_SUCCESS;
};

#define STAND_IN_CALL(name)              \
  const Call call(name);                 \
  if (call.injected() != CUDA_SUCCESS) { \
    return call.injected();              \
  }

// These want the mutex held.
bool valid_device(CUdevice device);
const StandInDevice& device_at(CUdevice device);

// A call that a global-mode capture anywhere forbids unless the thread relaxed its mode.
CUresult spoil_captures();

}  // namespace stand_in
