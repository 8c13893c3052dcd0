// What is known by measurement of a problem in a range of m on a device: remembered in the process, found in the tuning
// stores, or measured now. Thread-safe.
//
// One tuning at a time for each tuning problem, whose result everybody who wants it waits for; equal cards share it.
// Tunings of different problems on one device go on together and take turns at measuring; those on different devices
// have nothing to do with one another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cuda/device.h"
#include "store/tuning_store.h"
#include "tune/tuner.h"

namespace swiglu {

struct TuningRequest {
  Problem problem;
  std::int64_t first_m;
  std::int64_t last_m;      // 0: open
  std::int64_t measured_m;  // in it
};

struct Tuned {
  enum class Origin { measured, user, shared };  // by this process, or from a store
  TuningRecord record;
  Origin origin;
};
const char* name(Tuned::Origin);
std::string why(const Tuned&);  // one line for swiglu_plan_describe

// Passes whose kernels are measured: those that multiply, but for the rare one that computes one weight's gradient
// alone.
bool is_tunable(const Problem& problem);

// Where measurements of this device hold, with the NVRTC of this process, which is loaded for it.
TuningEnvironment environment_of(const Device& device);

// Measures nothing; takes a measurement of another NVRTC's kernels rather than none. A record whose configuration is no
// candidate here is passed over with a warning, here and below.
std::optional<Tuned> find_tuned(const TuningRequest& request, const Device& device);

// Measures what is not known of this NVRTC's kernels (read-only stores: of any NVRTC's), or only by a tuning that was
// cut short by a smaller budget, and publishes it. May be called while streams of the process are being captured.
// Throws Error where nothing could be measured: out of memory, no compiler, no time. A failure is not remembered, and
// is no other device's.
Tuned get_tuned(const TuningRequest& request, const Device& device, const TunerPolicy& policy);

// Records of all stores for a problem on any card of this compute capability, whose configurations are candidates
// still.
std::vector<TuningEntry> known_records(const Problem& problem, int compute_capability);

// What this process has measured, whether it could be stored or not.
std::vector<TuningEntry> measured_entries();

TuningStore& tuning_store();  // the process's, made from settings()

}  // namespace swiglu
