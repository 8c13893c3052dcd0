// Events and stamps: see stopwatch.h.
#include "tools/bench/stopwatch.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <thread>
#include <vector>

#include "tools/cuda_handles.h"

namespace swiglu::tool {

namespace {

int replays_in(double seconds, double one) {
  constexpr double kMostReplays = 1e5;
  return static_cast<int>(std::clamp(seconds / std::max(one, 1e-6), 1.0, kMostReplays));
}

}  // namespace

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
  return time(replay, {.untimed = 0, .timed = 1, .flush = true});
}

Sample Stopwatch::sustained(const Replay& replay, double seconds) const {
  const double one = seconds_of(replay);
  return time(replay, {.untimed = replays_in(std::max(kSettlingSeconds, seconds), one),
                       .timed = replays_in(seconds, one),
                       .flush = false});
}

void Stopwatch::warm_up(const Replay& replay, double seconds) const {
  time(replay, {.untimed = 0, .timed = replays_in(seconds, seconds_of(replay)), .flush = false});
}

double Stopwatch::seconds_of(const Replay& replay) const {
  return time(replay, {.untimed = 0, .timed = 1, .flush = false}).milliseconds * 1e-3 * replay.launches();
}

// The stamps lie outside the events, so that they cost the time nothing; the clock's interval is longer by them. The
// host enqueues the timed replays while the untimed ones run: between the two the device is never idle.
Sample Stopwatch::time(const Replay& replay, const Run& run) const {
  cudaStream_t stream = stream_.get();
  auto* stamps = static_cast<ClockStamp*>(stamps_.get());
  std::vector<ClockStamp> read(std::size_t{2} * kStampSlots);
  const std::size_t bytes = read.size() * sizeof(ClockStamp);
  check_cuda(cudaMemsetAsync(stamps, 0, bytes, stream), "cudaMemsetAsync");
  if (run.flush) {  // also long enough for the host to enqueue all of the following behind it
    check_cuda(cudaMemsetAsync(flush_.get(), 0, kFlushBytes, stream), "cudaMemsetAsync");
  }
  for (int i = 0; i < run.untimed; ++i) {
    replay.enqueue();
  }
  code_.stamp(stamps, multiprocessors_, stream);
  check_cuda(cudaEventRecord(events_->begin.get(), stream), "cudaEventRecord");
  for (int i = 0; i < run.timed; ++i) {
    replay.enqueue();
  }
  check_cuda(cudaEventRecord(events_->end.get(), stream), "cudaEventRecord");
  code_.stamp(stamps + kStampSlots, multiprocessors_, stream);
  stream_.synchronize();
  check_cuda(cudaMemcpy(read.data(), stamps, bytes, cudaMemcpyDeviceToHost), "cudaMemcpy of clock stamps");
  const std::span<const ClockStamp> all(read);
  return {elapsed_milliseconds(events_->begin, events_->end) / (static_cast<double>(run.timed) * replay.launches()),
          mean_megahertz(all.first(kStampSlots), all.last(kStampSlots))};
}

}  // namespace swiglu::tool
