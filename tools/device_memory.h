// GPU memory and timing for the program, through the static CUDA runtime. The runtime and the library share the
// device's primary context. Nothing here needs a driver until it is called; every failure is a Failure with the
// runtime's words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

typedef struct CUstream_st* cudaStream_t;

namespace swiglu::tool {

struct DeviceCount {
  int count = 0;
  std::string why_none;  // where count is 0
};
DeviceCount count_devices();

void use_device(int ordinal);

class DeviceBuffer {
 public:
  explicit DeviceBuffer(std::size_t bytes);
  ~DeviceBuffer();
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  void* get() const { return pointer_; }
  void fill(unsigned char byte);
  void upload(const std::vector<std::uint16_t>& values);
  void download(std::vector<std::uint16_t>& values) const;  // as many as `values` holds

 private:
  void* pointer_ = nullptr;
  std::size_t bytes_;
};

class Stream {
 public:
  Stream();
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  cudaStream_t get() const { return stream_; }
  void synchronize() const;

 private:
  cudaStream_t stream_ = nullptr;
};

// Milliseconds of each of `repeat` runs of `enqueue` after `warm_up` more, by events around it; the L2 cache is flushed
// before each by writing 256 MiB.
std::vector<double> time_on_device(const Stream& stream, int warm_up, int repeat, const std::function<void()>& enqueue);

}  // namespace swiglu::tool
