// Tasks of one execution, split among threads in contiguous runs. Which thread computes a task decides nothing of it.
#pragma once

#include <algorithm>
#include <exception>
#include <thread>
#include <vector>

namespace swiglu::cpu {

inline constexpr double kMinimumFlopsPerThread = 2e6;  // below this, starting a thread costs more than it saves

// Holds a Scratch for each thread: all memory that an execution cannot do without. Used from one thread.
template <typename Scratch>
class Workers {
 public:
  // As many as `threads`, but none for which less than kMinimumFlopsPerThread of `flops` would be left.
  Workers(int threads, double flops) : scratch_(static_cast<std::size_t>(useful(threads, flops))) {
    helpers_.reserve(scratch_.size());
  }

  // task(index, scratch) for every index of [0, tasks). Returns when all are done.
  template <typename Task>
  void run(long long tasks, double flops, Task task) {
    const long long most = std::min(static_cast<long long>(scratch_.size()), tasks);
    const long long workers = std::min(most, useful(static_cast<int>(scratch_.size()), flops));
    const auto run_share = [&](long long worker) {
      const long long end = tasks * (worker + 1) / workers;
      for (long long index = tasks * worker / workers; index < end; ++index) {
        task(index, scratch_[static_cast<std::size_t>(worker)]);
      }
    };
    long long started = 1;
    while (started < workers && start(run_share, started)) {
      ++started;
    }
    // Of shares for which no thread was to be had too.
    for (long long own = 0; own < workers; own = own == 0 ? started : own + 1) {
      run_share(own);
    }
    helpers_.clear();  // joins
  }

 private:
  // Whether there was a thread for it. Must not throw: helpers that run already use the caller's frame.
  template <typename Share>
  bool start(const Share& share, long long worker) {
    try {
      helpers_.emplace_back(share, worker);
      return true;
    } catch (const std::exception&) {  // system_error, or bad_alloc for what a thread needs
      return false;
    }
  }

  static long long useful(int threads, double flops) {
    const auto worth = static_cast<long long>(std::min(1e9, flops / kMinimumFlopsPerThread));
    return std::clamp<long long>(worth, 1, std::max(threads, 1));
  }

  std::vector<Scratch> scratch_;
  std::vector<std::jthread> helpers_;
};

}  // namespace swiglu::cpu
