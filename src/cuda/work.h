// What measuring on a device takes, apart from its users' own: a private stream with work on it, events, memory, and a
// graph of work to replay. Owners of driver objects, move-only.
//
// The device's primary context must be current wherever one of these is made, used or destroyed (CurrentContext), and
// the thread's capture mode relaxed (RelaxedCapture), or another thread's capture would forbid, and be spoilt by, some
// of the calls. Not thread-safe: one measuring thread owns them. Throws Error{CUDA_ERROR}, {OUT_OF_MEMORY}.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "cuda/handles.h"

namespace swiglu {

void destroy_stream(CUstream) noexcept;
void destroy_event(CUevent) noexcept;
void destroy_graph_exec(CUgraphExec) noexcept;

using StreamHandle = Handle<CUstream, destroy_stream>;
using EventHandle = Handle<CUevent, destroy_event>;
using GraphExecHandle = Handle<CUgraphExec, destroy_graph_exec>;

class DeviceMemory {
 public:
  DeviceMemory() = default;
  explicit DeviceMemory(std::size_t bytes);
  ~DeviceMemory();
  DeviceMemory(DeviceMemory&& other) noexcept;
  DeviceMemory& operator=(DeviceMemory&& other) noexcept;

  std::size_t bytes() const { return bytes_; }
  void* at(std::size_t offset = 0) const { return reinterpret_cast<void*>(address_ + offset); }  // NOLINT

 private:
  CUdeviceptr address_ = 0;
  std::size_t bytes_ = 0;
};

struct MemoryInfo {
  std::size_t free;
  std::size_t total;
};
MemoryInfo memory_info();

// A stream that waits for no other, and for which none waits: not even the legacy default stream.
class WorkStream {
 public:
  WorkStream();

  CUstream get() const { return stream_.get(); }
  void synchronize() const;  // also tells of errors of work enqueued before
  void fill(void* to, unsigned char byte, std::size_t bytes) const;
  void read(std::span<std::byte> to, const void* from) const;  // waits

  // Captures what `enqueue` puts on the stream. If it throws, the capture is ended and nothing is left of it.
  GraphExecHandle capture(const std::function<void()>& enqueue) const;
  void launch(const GraphExecHandle& graph) const;

 private:
  StreamHandle stream_;
};

// Seconds between two points of a stream.
class Interval {
 public:
  Interval();
  void begin(const WorkStream& stream) const;
  void end(const WorkStream& stream) const;
  double seconds() const;  // after the stream was synchronised

 private:
  EventHandle begin_;
  EventHandle end_;
};

}  // namespace swiglu
