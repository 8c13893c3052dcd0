// GPU memory and timing: see device_memory.h.
#include "tools/device_memory.h"

#include "tools/cuda_handles.h"
#include "tools/library.h"

namespace swiglu::tool {

namespace {

// The runtime calls a driver that is missing one that is too old; the library says where it looked. Empty if the
// library has found a driver.
std::string why_no_driver() {
  const Json driver = Json::parse(text(swiglu_info)).value("driver", Json::object());
  return driver.value("found", false) ? "" : driver.value("reason", "");
}

}  // namespace

DeviceCount count_devices() {
  DeviceCount result;
  const cudaError_t error = cudaGetDeviceCount(&result.count);
  if (error != cudaSuccess) {
    const std::string no_driver = why_no_driver();
    result = {0, no_driver.empty() ? cudaGetErrorString(error) : no_driver};
  } else if (result.count == 0) {
    result.why_none = "the driver lists no device";
  }
  return result;
}

void use_device(int ordinal) { check_cuda(cudaSetDevice(ordinal), "cudaSetDevice"); }

DeviceBuffer::DeviceBuffer(std::size_t bytes) : bytes_(bytes) {
  check_cuda(cudaMalloc(&pointer_, bytes), ("cudaMalloc of " + std::to_string(bytes) + " bytes").c_str());
}

DeviceBuffer::~DeviceBuffer() { cudaFree(pointer_); }

void DeviceBuffer::fill(unsigned char byte) { check_cuda(cudaMemset(pointer_, byte, bytes_), "cudaMemset"); }

void DeviceBuffer::upload(const std::vector<std::uint16_t>& values) {
  check_cuda(cudaMemcpy(pointer_, values.data(), values.size() * sizeof(values[0]), cudaMemcpyHostToDevice),
             "cudaMemcpy to the device");
}

void DeviceBuffer::download(std::vector<std::uint16_t>& values) const {
  check_cuda(cudaMemcpy(values.data(), pointer_, values.size() * sizeof(values[0]), cudaMemcpyDeviceToHost),
             "cudaMemcpy to the host");
}

Stream::Stream() { check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate"); }

Stream::~Stream() { cudaStreamDestroy(stream_); }

void Stream::synchronize() const { check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }

std::vector<double> time_on_device(const Stream& stream, int warm_up, int repeat,
                                   const std::function<void()>& enqueue) {
  constexpr std::size_t kFlushBytes = std::size_t{256} << 20;  // several times any L2
  const DeviceBuffer flush(kFlushBytes);
  const Event begin;
  const Event end;
  std::vector<double> milliseconds;
  for (int i = 0; i < warm_up + repeat; ++i) {
    check_cuda(cudaMemsetAsync(flush.get(), i, kFlushBytes, stream.get()), "cudaMemsetAsync");
    check_cuda(cudaEventRecord(begin.get(), stream.get()), "cudaEventRecord");
    enqueue();
    check_cuda(cudaEventRecord(end.get(), stream.get()), "cudaEventRecord");
    check_cuda(cudaEventSynchronize(end.get()), "cudaEventSynchronize");
    if (i >= warm_up) {
      milliseconds.push_back(elapsed_milliseconds(begin, end));
    }
  }
  return milliseconds;
}

}  // namespace swiglu::tool
