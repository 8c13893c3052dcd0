#include "cuda/work.h"

namespace swiglu {
namespace {

// At the end of a process, or in a forked child, there may be nothing left to destroy.
template <typename Destroy>
void quietly(const char* what, Destroy destroy) noexcept {
  try {
    const CUresult result = destroy(driver());
    if (result != CUDA_SUCCESS && result != CUDA_ERROR_DEINITIALIZED) {
      log().debug("{} failed: {}", what, describe(driver(), result));
    }
  } catch (const std::exception&) {
    return;
  }
}

CUdeviceptr address_of(const void* pointer) { return reinterpret_cast<CUdeviceptr>(pointer); }

EventHandle make_event() {
  CUevent event = nullptr;
  check(driver().event_create(&event, CU_EVENT_DEFAULT), "creating an event");
  return EventHandle(event);
}

}  // namespace

void destroy_stream(CUstream stream) noexcept {
  quietly("destroying a stream", [&](const DriverTable& table) { return table.stream_destroy(stream); });
}

void destroy_event(CUevent event) noexcept {
  quietly("destroying an event", [&](const DriverTable& table) { return table.event_destroy(event); });
}

void destroy_graph_exec(CUgraphExec graph) noexcept {
  quietly("destroying a graph", [&](const DriverTable& table) { return table.graph_exec_destroy(graph); });
}

DeviceMemory::DeviceMemory(std::size_t bytes) : bytes_(bytes) {
  if (bytes > 0) {
    check(driver().memory_allocate(&address_, bytes), "allocating device memory to measure with");
  }
}

DeviceMemory::~DeviceMemory() {
  if (address_ != 0) {
    quietly("freeing device memory", [&](const DriverTable& table) { return table.memory_free(address_); });
  }
}

DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept
    : address_(std::exchange(other.address_, 0)), bytes_(std::exchange(other.bytes_, 0)) {}

DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MemoryInfo memory_info() {
  MemoryInfo info{};
  check(driver().memory_get_info(&info.free, &info.total), "asking for free device memory");
  return info;
}

WorkStream::WorkStream() {
  CUstream stream = nullptr;
  check(driver().stream_create(&stream, CU_STREAM_NON_BLOCKING), "creating a stream");
  stream_ = StreamHandle(stream);
}

void WorkStream::synchronize() const {
  check(driver().stream_synchronize(stream_.get()), "waiting for measured work (the error may be of earlier work)");
}

void WorkStream::fill(void* to, unsigned char byte, std::size_t bytes) const {
  check(driver().memory_set(address_of(to), byte, bytes, stream_.get()), "filling device memory");
}

void WorkStream::read(std::span<std::byte> to, const void* from) const {
  check(driver().copy_to_host(to.data(), address_of(from), to.size(), stream_.get()), "reading device memory");
  synchronize();
}

GraphExecHandle WorkStream::capture(const std::function<void()>& enqueue) const {
  const DriverTable& table = driver();
  check(table.stream_begin_capture(stream_.get(), CU_STREAM_CAPTURE_MODE_RELAXED), "beginning a capture");
  CUgraph graph = nullptr;
  try {
    enqueue();
  } catch (...) {
    if (table.stream_end_capture(stream_.get(), &graph) == CUDA_SUCCESS && graph != nullptr) {
      table.graph_destroy(graph);
    }
    throw;
  }
  check(table.stream_end_capture(stream_.get(), &graph), "ending a capture");
  CUgraphExec executable = nullptr;
  const CUresult result = table.graph_instantiate(&executable, graph, 0);
  table.graph_destroy(graph);
  check(result, "instantiating a graph");
  return GraphExecHandle(executable);
}

void WorkStream::launch(const GraphExecHandle& graph) const {
  check(driver().graph_launch(graph.get(), stream_.get()), "launching a graph");
}

Interval::Interval() : begin_(make_event()), end_(make_event()) {}

void Interval::begin(const WorkStream& stream) const {
  check(driver().event_record(begin_.get(), stream.get()), "recording an event");
}

void Interval::end(const WorkStream& stream) const {
  check(driver().event_record(end_.get(), stream.get()), "recording an event");
}

double Interval::seconds() const {
  float milliseconds = 0;
  check(driver().event_elapsed_time(&milliseconds, begin_.get(), end_.get()), "reading the time between two events");
  return static_cast<double>(milliseconds) * 1e-3;
}

}  // namespace swiglu
