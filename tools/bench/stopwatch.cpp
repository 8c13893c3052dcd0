// Graphs, events and stamps: see stopwatch.h.
#include "tools/bench/stopwatch.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>
#include <thread>
#include <vector>

#include "tools/cuda_handles.h"

namespace swiglu::tool {
namespace {

constexpr double kShortMilliseconds = 0.1;
constexpr double kReplayMilliseconds = 1.0;
constexpr double kFewestLaunches = 20;
constexpr double kMostLaunches = 100;

void end_capture(cudaStream_t stream) {
  cudaGraph_t abandoned = nullptr;
  if (cudaStreamEndCapture(stream, &abandoned) == cudaSuccess && abandoned != nullptr) {
    cudaGraphDestroy(abandoned);
  }
  static_cast<void>(cudaGetLastError());  // an invalidated capture is the failure that is being reported already
}

}  // namespace

int launches_for(double milliseconds) {
  return milliseconds >= kShortMilliseconds
             ? 1
             : static_cast<int>(std::clamp(std::ceil(kReplayMilliseconds / std::max(milliseconds, 1e-6)),
                                           kFewestLaunches, kMostLaunches));
}

int sustained_launches_for(double milliseconds) {
  constexpr double kSustainedReplayMilliseconds = 10.0;
  constexpr double kMostLong = 10;
  const double wanted = std::clamp(kSustainedReplayMilliseconds / std::max(milliseconds, 1e-6), 1.0, kMostLong);
  return std::max(launches_for(milliseconds), static_cast<int>(wanted));
}

std::size_t operand_sets_for(std::size_t bytes, std::size_t l2_bytes, int launches) {
  constexpr std::size_t kTimesL2 = 4;
  if (launches == 1) {
    return 1;  // the flush, or the sheer size, empties the cache
  }
  const std::size_t sets = (kTimesL2 * l2_bytes + bytes - 1) / std::max<std::size_t>(bytes, 1);
  return std::clamp<std::size_t>(sets, 2, static_cast<std::size_t>(launches));
}

struct Replay::Graph {
  cudaGraphExec_t executable = nullptr;
  ~Graph() { cudaGraphExecDestroy(executable); }
};

Replay::Replay(const Stream& stream, const Enqueue& enqueue, int launches, std::size_t sets)
    : stream_(stream), launches_(launches), graph_(std::make_unique<Graph>()) {
  enqueue(0, stream.get());  // loads lazily loaded modules, which a capture may not
  stream.synchronize();
  check_cuda(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  try {
    for (int i = 0; i < launches; ++i) {
      enqueue(static_cast<std::size_t>(i) % sets, stream.get());
    }
  } catch (...) {
    end_capture(stream.get());
    throw;
  }
  cudaGraph_t graph = nullptr;
  check_cuda(cudaStreamEndCapture(stream.get(), &graph), "cudaStreamEndCapture");
  const cudaError_t error = cudaGraphInstantiate(&graph_->executable, graph, 0);
  cudaGraphDestroy(graph);
  check_cuda(error, "cudaGraphInstantiate");
  check_cuda(cudaGraphUpload(graph_->executable, stream.get()), "cudaGraphUpload");  // not part of the first replay
}

Replay::~Replay() = default;

void Replay::enqueue() const { check_cuda(cudaGraphLaunch(graph_->executable, stream_.get()), "cudaGraphLaunch"); }

struct Stopwatch::Events {
  Event begin;
  Event end;
};

Stopwatch::Stopwatch(const Stream& stream, const DeviceCode& code, int multiprocessors)
    : stream_(stream), code_(code), multiprocessors_(multiprocessors), events_(std::make_unique<Events>()) {}

Stopwatch::~Stopwatch() = default;

Sample Stopwatch::burst(const Replay& replay) const {
  stream_.synchronize();
  std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(kIdleMilliseconds));
  return time(replay, 1, true);
}

Sample Stopwatch::sustained(const Replay& replay, double seconds) const {
  constexpr double kMostReplays = 1e5;
  const double one = time(replay, 1, false).milliseconds * 1e-3 * replay.launches();
  return time(replay, static_cast<int>(std::clamp(seconds / std::max(one, 1e-6), 1.0, kMostReplays)), false);
}

// The stamps lie outside the events, so that they cost the time nothing; the clock's interval is longer by them.
Sample Stopwatch::time(const Replay& replay, int replays, bool flush) const {
  cudaStream_t stream = stream_.get();
  auto* stamps = static_cast<ClockStamp*>(stamps_.get());
  std::vector<ClockStamp> read(std::size_t{2} * kStampSlots);
  const std::size_t bytes = read.size() * sizeof(ClockStamp);
  check_cuda(cudaMemsetAsync(stamps, 0, bytes, stream), "cudaMemsetAsync");
  if (flush) {  // also long enough for the host to enqueue all of the following behind it
    check_cuda(cudaMemsetAsync(flush_.get(), replays, kFlushBytes, stream), "cudaMemsetAsync");
  }
  code_.stamp(stamps, multiprocessors_, stream);
  check_cuda(cudaEventRecord(events_->begin.get(), stream), "cudaEventRecord");
  for (int i = 0; i < replays; ++i) {
    replay.enqueue();
  }
  check_cuda(cudaEventRecord(events_->end.get(), stream), "cudaEventRecord");
  code_.stamp(stamps + kStampSlots, multiprocessors_, stream);
  stream_.synchronize();
  check_cuda(cudaMemcpy(read.data(), stamps, bytes, cudaMemcpyDeviceToHost), "cudaMemcpy of clock stamps");
  const std::span<const ClockStamp> all(read);
  return {elapsed_milliseconds(events_->begin, events_->end) / (static_cast<double>(replays) * replay.launches()),
          mean_megahertz(all.first(kStampSlots), all.last(kStampSlots))};
}

}  // namespace swiglu::tool
