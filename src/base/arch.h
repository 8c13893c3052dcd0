// GPU architectures: what a generated kernel may count on, and which families serve it. One table (arch.cpp), sorted by
// compute capability. Immutable; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "swiglu/config.h"

namespace swiglu {

// What space and estimate need to know of a device. From the driver for a real one (cuda/device.h), from the table for
// a named architecture (swiglu_compile).
struct DeviceSpec {
  std::string name;        // "NVIDIA H200", or the architecture's representative card
  int compute_capability;  // 90 = 9.0
  int multiprocessors;
  int shared_bytes_per_block;  // opt-in maximum
  int shared_bytes_per_multiprocessor;
  int registers_per_multiprocessor;   // 65536 everywhere so far
  double memory_bytes_per_second;     // rough, for the estimate
  double dense_flops_per_second;      // 16-bit tensor cores with f32 accumulators by mma.sync, rough
  double dense_flops_per_second_f16;  // with f16 accumulators (twice on GeForce)
};

struct Arch {
  const char* name;  // NVRTC's --gpu-architecture: "sm_80", "sm_90a"
  int compute_capability;
  std::vector<Family> families;  // in order of preference; simt last
  DeviceSpec representative;
};

const std::vector<Arch>& arch_table();

// By name, with or without the feature suffix ("sm_90" means "sm_90a").
std::optional<Arch> find_arch(std::string_view name);
Arch known_arch(std::string_view name);  // or Error{INVALID_ARGUMENT} that lists the table

// The architecture to compile for on a device of this compute capability: the same major with the highest minor not
// above it. None below 7.5, and none for a major that the table does not know. A cubin of a suffixed architecture loads
// on exactly that one, so a device between two rows gets the name without suffix ("sm_100" for 10.1).
std::optional<Arch> arch_for_compute_capability(int compute_capability);

}  // namespace swiglu
