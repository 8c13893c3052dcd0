#include "tune/compile_queue.h"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "tune/compile_turns.h"

namespace swiglu {

CompileQueue::CompileQueue(std::vector<KernelConfig> jobs, std::size_t required, int threads,
                           std::function<void(const KernelConfig&)> compile, std::function<double()> now,
                           double deadline)
    : jobs_(std::move(jobs)),
      required_(required),
      compile_(std::move(compile)),
      now_(std::move(now)),
      deadline_(deadline) {
  const std::size_t count = std::min(jobs_.size(), static_cast<std::size_t>(std::max(1, threads)));
  start_threads(threads_, count, [this] {
    while (work_one()) {
    }
  });
}

CompileQueue::~CompileQueue() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  required_ = 0;
}

void CompileQueue::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
}

std::optional<CompileQueue::Done> CompileQueue::wait() {
  if (threads_.empty()) {
    work_one();
  }
  std::unique_lock lock(mutex_);
  if (handed_over_ == jobs_.size()) {
    return std::nullopt;
  }
  arrived_.wait(lock, [this] { return !done_.empty(); });
  ++handed_over_;
  Done done = std::move(done_.front());
  done_.pop_front();
  return done;
}

CompileQueue::Done CompileQueue::run(std::size_t job) const {
  try {
    compile_(jobs_[job]);
    return {job, true, SWIGLU_OK, ""};
  } catch (const Error& error) {
    return {job, true, error.status(), error.what()};
  } catch (const std::bad_alloc&) {
    return {job, true, SWIGLU_OUT_OF_MEMORY, "host memory ran out"};
  } catch (const std::exception& exception) {
    return {job, true, SWIGLU_INTERNAL, exception.what()};
  }
}

bool CompileQueue::work_one() {
  std::unique_lock lock(mutex_);
  if (next_ == jobs_.size()) {
    return false;
  }
  const std::size_t job = next_++;
  Done done{job, false, SWIGLU_OK, ""};
  if (job < required_ || !stopped_) {
    lock.unlock();
    const CompileTurns::Turn turn(compile_turns(), job);
    lock.lock();
    const double begin = now_();
    if (job < required_ || (!stopped_ && begin + longest_ < deadline_)) {
      lock.unlock();
      done = run(job);
      lock.lock();
      longest_ = std::max(longest_, now_() - begin);
    }
  }
  done_.push_back(std::move(done));
  arrived_.notify_one();
  return true;
}

}  // namespace swiglu
