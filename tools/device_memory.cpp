// GPU memory and timing: see device_memory.h.
#include "tools/device_memory.h"

#include <cuda_runtime_api.h>

#include "tools/library.h"

namespace swiglu::tool {
namespace {

void check_runtime(cudaError_t error, const char* call) {
  if (error != cudaSuccess) {
    throw Failure(std::string(call) + ": " + cudaGetErrorString(error));
  }
}

class Event {
 public:
  Event() { check_runtime(cudaEventCreate(&event_), "cudaEventCreate"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace

DeviceCount count_devices() {
  DeviceCount result;
  const cudaError_t error = cudaGetDeviceCount(&result.count);
  if (error != cudaSuccess) {
    result = {0, cudaGetErrorString(error)};
  } else if (result.count == 0) {
    result.why_none = "the driver lists no device";
  }
  return result;
}

void use_device(int ordinal) { check_runtime(cudaSetDevice(ordinal), "cudaSetDevice"); }

DeviceBuffer::DeviceBuffer(std::size_t bytes) : bytes_(bytes) {
  check_runtime(cudaMalloc(&pointer_, bytes), ("cudaMalloc of " + std::to_string(bytes) + " bytes").c_str());
}

DeviceBuffer::~DeviceBuffer() { cudaFree(pointer_); }

void DeviceBuffer::fill(unsigned char byte) { check_runtime(cudaMemset(pointer_, byte, bytes_), "cudaMemset"); }

void DeviceBuffer::upload(const std::vector<std::uint16_t>& values) {
  check_runtime(cudaMemcpy(pointer_, values.data(), values.size() * sizeof(values[0]), cudaMemcpyHostToDevice),
                "cudaMemcpy to the device");
}

void DeviceBuffer::download(std::vector<std::uint16_t>& values) const {
  check_runtime(cudaMemcpy(values.data(), pointer_, values.size() * sizeof(values[0]), cudaMemcpyDeviceToHost),
                "cudaMemcpy to the host");
}

Stream::Stream() { check_runtime(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate"); }

Stream::~Stream() { cudaStreamDestroy(stream_); }

void Stream::synchronize() const { check_runtime(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }

std::vector<double> time_on_device(const Stream& stream, int warm_up, int repeat,
                                   const std::function<void()>& enqueue) {
  constexpr std::size_t kFlushBytes = std::size_t{256} << 20;  // several times any L2
  const DeviceBuffer flush(kFlushBytes);
  const Event begin;
  const Event end;
  std::vector<double> milliseconds;
  for (int i = 0; i < warm_up + repeat; ++i) {
    check_runtime(cudaMemsetAsync(flush.get(), i, kFlushBytes, stream.get()), "cudaMemsetAsync");
    check_runtime(cudaEventRecord(begin.get(), stream.get()), "cudaEventRecord");
    enqueue();
    check_runtime(cudaEventRecord(end.get(), stream.get()), "cudaEventRecord");
    check_runtime(cudaEventSynchronize(end.get()), "cudaEventSynchronize");
    float elapsed = 0;
    check_runtime(cudaEventElapsedTime(&elapsed, begin.get(), end.get()), "cudaEventElapsedTime");
    if (i >= warm_up) {
      milliseconds.push_back(static_cast<double>(elapsed));
    }
  }
  return milliseconds;
}

}  // namespace swiglu::tool
