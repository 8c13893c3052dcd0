// The bench's own device code (kernels.cu), compiled with the NVRTC that the library uses and loaded on one device, as
// functions that enqueue. Not thread-safe; every failure is a Failure.
#pragma once

#include <swiglu/swiglu.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tools/bench/clock.h"
#include "tools/device_memory.h"

namespace swiglu::tool {

extern const char* const kBenchKernelsText;

// text -> cubin; the compiler's log in the Failure. `library`: NVRTC's path; arch: "sm_90a".
std::vector<char> compile_bench_kernels(const std::string& library, const std::string& arch, swiglu_dtype dtype);

// Sums of squares over a 64x64 block.
struct BlockSums {
  float difference;  // of actual - expected
  float expected;
};

// A row-major 16-bit matrix on the device; the pitch is in elements.
struct DeviceMatrixView {
  const void* data;
  std::int64_t pitch;
};

class DeviceCode {
 public:
  // On the current device.
  explicit DeviceCode(const std::vector<char>& cubin);
  ~DeviceCode();
  DeviceCode(const DeviceCode&) = delete;
  DeviceCode& operator=(const DeviceCode&) = delete;

  // N(0, scale^2) into a buffer of `elements`, rounded up to an even number.
  void fill_normal(void* values, std::int64_t elements, std::uint64_t key, float scale, cudaStream_t stream) const;

  // out [m, n] = silu(gu[:, :n]) * gu[:, n:]; n is a multiple of 8, both are dense.
  void activate(const void* gu, void* out, std::int64_t m, std::int64_t n, cudaStream_t stream) const;

  // dgu [m, 2 n] = dg | du from dout [m, n] and gu [m, 2 n]; n is a multiple of 8, all are dense.
  void gradients(const void* dout, const void* gu, void* dgu, std::int64_t m, std::int64_t n,
                 cudaStream_t stream) const;

  // Whole vectors of 16 bytes.
  void copy(const void* from, void* to, std::size_t bytes, cudaStream_t stream) const;

  // Row-major over the blocks of [rows, columns]; columns and pitches are even. `sums` has room for all.
  void compare(const DeviceMatrixView& actual, const DeviceMatrixView& expected, std::int64_t rows,
               std::int64_t columns, BlockSums* sums, cudaStream_t stream) const;

  // One stamp for each multiprocessor, in its slot of kStampSlots.
  void stamp(ClockStamp* stamps, int multiprocessors, cudaStream_t stream) const;

 private:
  struct Kernels;
  std::unique_ptr<Kernels> kernels_;
};

}  // namespace swiglu::tool
