// Compiles on threads of its own, in turns with the process's other queues (tune/compile_turns.h), in the order given,
// and hands over what is done in the order it is done; where no thread can be had, on the thread that waits. Ends
// early: after stop(), or when the next compile would go beyond the deadline and is not among the required first ones,
// the rest is handed over as not begun. Whatever happens, every job is handed over once, and the destructor waits for
// compiles that are under way.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <swiglu/swiglu.h>

#include "swiglu/config.h"

namespace swiglu {

class CompileQueue {
 public:
  struct Done {
    std::size_t job;
    bool begun;
    swiglu_status status;
    std::string why;  // unless the status is OK
  };

  // `compile` throws Error. `now` and `deadline` in seconds. `required`: jobs that neither the deadline nor stop()
  // keeps from being begun.
  CompileQueue(std::vector<KernelConfig> jobs, std::size_t required, int threads,
               std::function<void(const KernelConfig&)> compile, std::function<double()> now, double deadline);
  ~CompileQueue();
  CompileQueue(const CompileQueue&) = delete;
  CompileQueue& operator=(const CompileQueue&) = delete;

  std::optional<Done> wait();  // none: all were handed over
  void stop();

 private:
  bool work_one();  // false: none is left
  Done run(std::size_t job) const;

  std::vector<KernelConfig> jobs_;
  std::size_t required_;
  std::function<void(const KernelConfig&)> compile_;
  std::function<double()> now_;
  double deadline_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::size_t next_ = 0;
  std::size_t handed_over_ = 0;
  double longest_ = 0;  // compile so far, seconds
  bool stopped_ = false;
  std::deque<Done> done_;
  std::vector<std::jthread> threads_;
};

}  // namespace swiglu
