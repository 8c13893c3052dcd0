// Collects the library's log lines during a scope. Lines may come from several threads.
#pragma once

#include <swiglu/swiglu.h>

#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"

namespace swiglu::test {

class LogCapture {
 public:
  explicit LogCapture(swiglu_log_level level = SWIGLU_LOG_WARNING) { set_log_callback(receive, this, level); }
  ~LogCapture() { set_log_callback(nullptr, nullptr, SWIGLU_LOG_WARNING); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  std::size_t count() const { return lines().size(); }
  std::string last() const {
    const auto all = lines();
    return all.empty() ? std::string() : all.back();
  }

 private:
  static void receive(void* user, swiglu_log_level, const char* message) {
    auto& self = *static_cast<LogCapture*>(user);
    const std::lock_guard lock(self.mutex_);
    self.lines_.emplace_back(message);
  }

  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace swiglu::test
