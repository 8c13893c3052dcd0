// The same work on several threads, of which this is one. Where a thread cannot be had, most often for a container's
// limit, the others do its share: that is no failure.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace swiglu {

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
  try {
    others.reserve(wanted);
    while (others.size() + 1 < wanted) {
      others.emplace_back(work);
    }
  } catch (const std::system_error&) {
  } catch (const std::bad_alloc&) {
  }
  work();
}

}  // namespace swiglu
