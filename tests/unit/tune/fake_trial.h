// A Trial with made-up durations, failures and a clock that they advance.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/spelling.h"
#include "tune/estimate.h"
#include "tune/trial.h"

namespace swiglu::test {

class FakeTrial : public Trial {
 public:
  struct Behaviour {
    double seconds = 1e-3;
    swiglu_status compile = SWIGLU_OK;
    swiglu_status load = SWIGLU_OK;
    swiglu_status time = SWIGLU_OK;  // from the third sample on
    std::string wrong;
  };

  std::map<std::string, Behaviour> behaviours;  // by tile
  double noise = 0;                             // deviation, relative
  double compile_seconds = 0;
  double sample_seconds = 0;
  std::mt19937 random{1};

  double now() const { return static_cast<double>(nanoseconds_.load()) * 1e-9; }
  int samples() const { return samples_; }
  int compiles() const { return compiles_; }
  std::size_t loaded() const { return loaded_.size(); }

  void compile(const KernelConfig& config) override {
    ++compiles_;
    advance(compile_seconds);
    raise(behaviour(config).compile);
  }
  std::vector<KernelConfig> trusted() const override { return {}; }
  void load(const KernelConfig& config) override {
    raise(behaviour(config).load);
    loaded_.insert(print(config));
  }
  std::string check(const KernelConfig& config) override {
    require_loaded(config);
    checked_.insert(print(config));
    return behaviour(config).wrong;
  }
  double time(const KernelConfig& config) override {
    require_loaded(config);
    if (checked_.count(print(config)) == 0) {
      throw std::logic_error("timed before it was checked");
    }
    ++samples_;
    advance(sample_seconds);
    if (++times_[print(config)] > 2) {
      raise(behaviour(config).time);
    }
    std::normal_distribution<double> scatter(1, noise);
    return behaviour(config).seconds * (noise > 0 ? scatter(random) : 1);
  }
  void unload(const KernelConfig& config) override { loaded_.erase(print(config)); }

 private:
  Behaviour behaviour(const KernelConfig& config) const {
    const auto found = behaviours.find(print(config.tile));
    return found == behaviours.end() ? Behaviour{} : found->second;
  }
  static void raise(swiglu_status status) {
    if (status != SWIGLU_OK) {
      fail(status, "made up");
    }
  }
  void require_loaded(const KernelConfig& config) const {
    if (loaded_.count(print(config)) == 0) {
      throw std::logic_error("used before it was loaded");
    }
  }
  void advance(double seconds) { nanoseconds_ += static_cast<long long>(seconds * 1e9); }

  std::atomic<long long> nanoseconds_{0};
  std::atomic<int> compiles_{0};
  int samples_ = 0;
  std::set<std::string> loaded_;
  std::set<std::string> checked_;
  std::map<std::string, int> times_;
};

}  // namespace swiglu::test
