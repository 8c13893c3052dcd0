// Where a numeric test runs: a device of the library and the memory its pointers must point to. The same tests run on
// the CPU device (HostMemory) and on a GPU (tests/gpu/cuda_memory.h). Thread-safe unless an implementation says
// otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace swiglu_test {

class Memory {
 public:
  virtual ~Memory() = default;

  virtual std::int32_t device() const = 0;        // for swiglu_plan_desc
  virtual void* allocate(std::size_t bytes) = 0;  // 256-byte aligned at least
  virtual void release(void* pointer) = 0;
  virtual void upload(void* to, const void* from_host, std::size_t bytes) = 0;
  virtual void download(void* to_host, const void* from, std::size_t bytes) = 0;  // after waiting for the device
};

class HostMemory final : public Memory {
 public:
  std::int32_t device() const override;
  void* allocate(std::size_t bytes) override;
  void release(void* pointer) override;
  void upload(void* to, const void* from_host, std::size_t bytes) override;
  void download(void* to_host, const void* from, std::size_t bytes) override;
};

// The memory of the device under test. Each test program defines it in its main.
Memory& memory_under_test();

}  // namespace swiglu_test
