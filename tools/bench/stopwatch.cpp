// Events and stamps: see stopwatch.h.
#include "tools/bench/stopwatch.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <thread>
#include <vector>

#include "tools/cuda_handles.h"

namespace swiglu::tool {

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
