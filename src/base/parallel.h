// The same work on several threads, of which this is one. Where a thread cannot be had, most often for a container's
// limit, the others do its share: that is no failure.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

#include "base/log.h"

namespace swiglu {

// Up to `count` threads that do `work`, from `threads` on; fewer where no more can be had.
template <typename Work>
void start_threads(std::vector<std::jthread>& threads, std::size_t count, const Work& work) {
  const std::size_t wanted = threads.size() + count;
  try {
    threads.reserve(wanted);
    while (threads.size() < wanted) {
      threads.emplace_back(work);
    }
  } catch (const std::exception& error) {  // system_error, or bad_alloc for what a thread needs
    log().debug("{} of {} threads could be started: {}", threads.size(), wanted, error.what());
  }
}

// body(index) for every index below `count`, which must not throw, on at most `threads` threads. Returns when all are
// done.
template <typename Body>
void parallel_for_each(std::size_t count, int threads, Body body) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      body(i);
    }
  };
  const std::size_t wanted = std::min(count, static_cast<std::size_t>(std::max(1, threads)));
  std::vector<std::jthread> others;
  start_threads(others, wanted - std::min<std::size_t>(wanted, 1), work);
  work();
}

}  // namespace swiglu
