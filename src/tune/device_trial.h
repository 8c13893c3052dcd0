// Candidates tried on a device, on a stream and in memory of the trial's own. The caller's context, capture mode and
// streams are as they were after every call.
//
// Trials on one device take turns: each call has the device for itself, as far as this process is concerned.
//
// Timing. A sample is taken after a pause, in which power and clock recover from the candidate before, and after the L2
// cache was overwritten. A short kernel is executed many times in a replayed graph, over sets of operands that exceed
// the cache together, so that neither launch overhead nor a warm cache is what is measured. How many depends on the
// problem alone, never on the candidate.
//
// A choice for a bucket of m is timed at its largest m and, a few times, at its smallest, of which the largest counts
// for more: many a size is a power of two, but a tile that is best where its last row is full may be far from it where
// that row is nearly empty.
//
// Checking. The trusted kernel is simt, over all rows where that takes no longer than a moment; else mma_sm80, itself
// checked against simt on bands of rows. Outputs are poisoned before each check.
#pragma once

#include <cstdint>
#include <memory>

#include "cuda/device.h"
#include "tune/trial.h"

namespace swiglu {

struct TimingPolicy {
  double idle_seconds = 2e-3;     // before each sample
  double window_seconds = 1e-3;   // that a sample of a short kernel takes at least
  double short_seconds = 100e-6;  // a kernel is short below that
  int fewest_launches = 20;       // of a short kernel in a sample
  int most_launches = 100;
  std::size_t times_l2 = 4;  // bytes that rotating goes through, and that a flush overwrites
};

// Executions in a sample where one takes about this long.
int launches_for(double seconds, const TimingPolicy& policy);

// A geometric mean of what a bucket's ends take, in which a loss at the largest m weighs three times one at the
// smallest.
double mean_of_ends(double at_most_m, double at_least_m);

class DeviceTrial final : public Trial {
 public:
  // `expected_seconds`: about what the best candidate takes. `least_m`: of the bucket whose largest m this is, at most
  // m; 0: m alone is timed. Throws Error{OUT_OF_MEMORY} where the operands do not fit the device, and what compiling
  // the trial kernels throws.
  DeviceTrial(const Problem& problem, std::int64_t m, const Device& device, double expected_seconds,
              const TimingPolicy& policy = {}, std::int64_t least_m = 0);
  ~DeviceTrial() override;
  DeviceTrial(const DeviceTrial&) = delete;
  DeviceTrial& operator=(const DeviceTrial&) = delete;

  void compile(const KernelConfig& config) override;
  std::vector<KernelConfig> trusted() const override;
  void load(const KernelConfig& config) override;
  std::string check(const KernelConfig& config) override;
  double time(const KernelConfig& config) override;
  double probe(const KernelConfig& config) override;  // at m alone
  void unload(const KernelConfig& config) override;

  double seconds_at_m(const KernelConfig& config) const;  // median of its samples there; 0 where there are none
  int launches() const { return launches_; }              // in a sample
  std::size_t sets() const;                               // of operands

 private:
  struct Parts;  // what lives on the device

  void make_expected();

  Problem problem_;
  std::int64_t m_;
  std::int64_t least_m_;
  const Device& device_;
  TimingPolicy policy_;
  int launches_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace swiglu
