// Time as tunings are charged for it. They share processors and devices, so that while n of them are under way a second
// counts as a fraction 1/n of one for each: a budget is what a tuning may take alone, however many others there are.
// Thread-safe.
#pragma once

#include <functional>
#include <mutex>

namespace swiglu {

class SharedTime {
 public:
  // `now`: monotonic, in seconds.
  explicit SharedTime(std::function<double()> now) : now_(std::move(now)), read_at_(now_()) {}

  // Of one tuning, for as long as it is under way.
  class Share {
   public:
    explicit Share(SharedTime& time);
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    double seconds() const;  // monotonic; differences count

   private:
    SharedTime& time_;
  };

 private:
  double advance();  // with mutex_ held

  std::function<double()> now_;
  std::mutex mutex_;
  double read_at_;
  double seconds_ = 0;
  int shares_ = 0;
};

}  // namespace swiglu
