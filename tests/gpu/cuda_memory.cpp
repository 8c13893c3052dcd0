#include "gpu/cuda_memory.h"

#include <stdexcept>

#include "gpu/child.h"

namespace swiglu_test {

void require_cuda(cudaError_t error, const char* what) {
  if (error != cudaSuccess) {
    throw std::runtime_error(std::string(what) + ": " + cudaGetErrorName(error) + ": " + cudaGetErrorString(error));
  }
}

int test_device() {
  const std::string ordinal = from_environment(kDeviceVariable);
  return ordinal.empty() ? 0 : std::stoi(ordinal);
}

int device_count() {
  int count = 0;
  require_cuda(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
  return count;
}

DeviceScope::DeviceScope(int device) {
  require_cuda(cudaGetDevice(&before_), "cudaGetDevice");
  require_cuda(cudaSetDevice(device), "cudaSetDevice");
}

DeviceScope::~DeviceScope() { cudaSetDevice(before_); }

void* CudaMemory::allocate(std::size_t bytes) {
  const DeviceScope scope(device_);
  void* pointer = nullptr;
  require_cuda(cudaMalloc(&pointer, bytes), "cudaMalloc");
  return pointer;
}

void CudaMemory::release(void* pointer) { cudaFree(pointer); }

void CudaMemory::upload(void* to, const void* from_host, std::size_t bytes) {
  const DeviceScope scope(device_);
  require_cuda(cudaMemcpy(to, from_host, bytes, cudaMemcpyHostToDevice), "cudaMemcpy to the device");
  // A copy from pageable memory may return before it has arrived; non-blocking streams do not wait for it.
  require_cuda(cudaStreamSynchronize(cudaStreamLegacy), "cudaStreamSynchronize");
}

void CudaMemory::download(void* to_host, const void* from, std::size_t bytes) {
  const DeviceScope scope(device_);
  require_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize before a copy to the host");
  require_cuda(cudaMemcpy(to_host, from, bytes, cudaMemcpyDeviceToHost), "cudaMemcpy to the host");
}

Stream make_stream(unsigned flags) {
  cudaStream_t stream = nullptr;
  require_cuda(cudaStreamCreateWithFlags(&stream, flags), "cudaStreamCreateWithFlags");
  return Stream(stream);
}

Event make_event() {
  cudaEvent_t event = nullptr;
  require_cuda(cudaEventCreate(&event), "cudaEventCreate");
  return Event(event);
}

DeviceBuffer make_buffer(std::size_t bytes) {
  void* pointer = nullptr;
  require_cuda(cudaMalloc(&pointer, bytes), "cudaMalloc");
  return DeviceBuffer(pointer);
}

std::string why_no_gpu(int device) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) {
    return cudaGetErrorString(error);
  }
  if (count <= device) {
    return count == 0 ? "no CUDA device" : "no CUDA device " + std::to_string(device);
  }
  cudaDeviceProp properties{};
  if (const cudaError_t failed = cudaGetDeviceProperties(&properties, device); failed != cudaSuccess) {
    return cudaGetErrorString(failed);
  }
  const int compute_capability = 10 * properties.major + properties.minor;
  return compute_capability < 75 ? std::string(properties.name) + " is older than compute capability 7.5" : "";
}

std::string device_name(int device) {
  cudaDeviceProp properties{};
  require_cuda(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  return properties.name;
}

std::string arch_of(int device) {
  cudaDeviceProp properties{};
  require_cuda(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  return std::string("sm_") + std::to_string(10 * properties.major + properties.minor);
}

}  // namespace swiglu_test
