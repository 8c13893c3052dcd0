#include "tune/shared_time.h"

#include <algorithm>

namespace swiglu {

double SharedTime::advance() {
  const double now = now_();
  seconds_ += (now - read_at_) / std::max(1, shares_);
  read_at_ = now;
  return seconds_;
}

SharedTime::Share::Share(SharedTime& time) : time_(time) {
  const std::lock_guard lock(time_.mutex_);
  time_.advance();
  ++time_.shares_;
}

SharedTime::Share::~Share() {
  const std::lock_guard lock(time_.mutex_);
  time_.advance();
  --time_.shares_;
}

double SharedTime::Share::seconds() const {
  const std::lock_guard lock(time_.mutex_);
  return time_.advance();
}

}  // namespace swiglu
