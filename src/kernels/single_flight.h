// Values by key, each built by one caller while the others who want it wait. Thread-safe; no lock is held while
// building, so callers of other keys never wait. A failure reaches everybody who waited for it and is not remembered.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace swiglu {

template <typename Value>
class SingleFlight {
 public:
  using Pointer = std::shared_ptr<const Value>;

  // `build()` returns a Pointer or throws.
  template <typename Build>
  Pointer get(const std::string& key, Build&& build) {
    std::promise<Pointer> promise;
    std::shared_future<Pointer> other;
    std::uint64_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = flights_.find(key); found != flights_.end()) {
        other = found->second.result;
      } else {
        number = ++last_number_;
        flights_.emplace(key, Flight{promise.get_future().share(), number});
      }
    }
    if (other.valid()) {
      return other.get();
    }
    try {
      Pointer value = std::forward<Build>(build)();
      promise.set_value(value);
      return value;
    } catch (...) {
      forget(key, number);  // first: whoever hears of the failure may try again at once
      promise.set_exception(std::current_exception());
      throw;
    }
  }

  // The value if it is there; null if it is not, or not yet.
  Pointer find(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = flights_.find(key);
    if (found == flights_.end() ||
        found->second.result.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      return nullptr;
    }
    return found->second.result.get();  // a flight that failed is no longer in the map
  }

  // Takes the place of what was there; who waits for that still gets it.
  void put(const std::string& key, Pointer value) {
    std::promise<Pointer> promise;
    promise.set_value(std::move(value));
    const std::lock_guard lock(mutex_);
    flights_.insert_or_assign(key, Flight{promise.get_future().share(), 0});
  }

  void forget(const std::string& key) {
    const std::lock_guard lock(mutex_);
    flights_.erase(key);
  }

 private:
  struct Flight {
    std::shared_future<Pointer> result;
    std::uint64_t number;  // tells flights of one key apart; 0: put there whole
  };
  void forget(const std::string& key, std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    if (const auto found = flights_.find(key); found != flights_.end() && found->second.number == number) {
      flights_.erase(found);
    }
  }

  mutable std::mutex mutex_;
  std::map<std::string, Flight> flights_;
  std::uint64_t last_number_ = 0;
};

}  // namespace swiglu
