// The CUDA runtime for tests: device memory behind the tests' Memory interface, owning handles, errors as exceptions.
// CudaMemory works on whatever device it was made for, and leaves the caller's current device alone.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include "support/memory.h"

namespace swiglu_test {

// Throws std::runtime_error "<what>: <name of the error>".
void require_cuda(cudaError_t error, const char* what);

class CudaMemory final : public Memory {
 public:
  explicit CudaMemory(std::int32_t device) : device_(device) {}
  std::int32_t device() const override { return device_; }
  void* allocate(std::size_t bytes) override;
  void release(void* pointer) override;
  void upload(void* to, const void* from_host, std::size_t bytes) override;
  void download(void* to_host, const void* from, std::size_t bytes) override;

 private:
  std::int32_t device_;
};

// The CUDA ordinal under test: SWIGLU_TEST_DEVICE, else 0. Current in the main thread; another thread that uses the
// CUDA runtime makes it current first.
int test_device();

// Makes a device current for a scope.
class DeviceScope {
 public:
  explicit DeviceScope(int device);
  ~DeviceScope();
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

 private:
  int before_ = 0;
};

template <typename Handle, cudaError_t (*destroy)(Handle)>
struct CudaDeleter {
  using pointer = Handle;
  void operator()(Handle handle) const { destroy(handle); }
};
using Stream = std::unique_ptr<std::remove_pointer_t<cudaStream_t>, CudaDeleter<cudaStream_t, cudaStreamDestroy>>;
using Event = std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, CudaDeleter<cudaEvent_t, cudaEventDestroy>>;
using Graph = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, CudaDeleter<cudaGraph_t, cudaGraphDestroy>>;
using GraphExec =
    std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, CudaDeleter<cudaGraphExec_t, cudaGraphExecDestroy>>;
using DeviceBuffer = std::unique_ptr<void, CudaDeleter<void*, cudaFree>>;

Stream make_stream(unsigned flags = cudaStreamNonBlocking);
Event make_event();
DeviceBuffer make_buffer(std::size_t bytes);

// Empty, or why a device cannot run the library: no driver, no device, too old.
std::string why_no_gpu(int device);

int device_count();

// As the driver says it.
std::string device_name(int device);

// "sm_90": the architecture of a device, without the feature suffix.
std::string arch_of(int device);

}  // namespace swiglu_test
