// The CUDA runtime's errors as Failures, and handles that free themselves. Included by sources alone, so that headers
// of the program need no CUDA.
#pragma once

#include <cuda_runtime_api.h>

#include <string>
#include <utility>

#include "tools/library.h"

namespace swiglu::tool {

inline void check_cuda(cudaError_t error, const char* call) {
  if (error != cudaSuccess) {
    throw Failure(std::string(call) + ": " + cudaGetErrorString(error));
  }
}

class Event {
 public:
  Event() { check_cuda(cudaEventCreate(&event_), "cudaEventCreate"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

// Milliseconds from one recorded event to another, both finished.
inline double elapsed_milliseconds(const Event& begin, const Event& end) {
  float elapsed = 0;
  check_cuda(cudaEventElapsedTime(&elapsed, begin.get(), end.get()), "cudaEventElapsedTime");
  return static_cast<double>(elapsed);
}

}  // namespace swiglu::tool
