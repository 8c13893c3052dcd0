// Runs one kernel of the templates on one problem in the emulator, and says all that is wrong with it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checks/problem_data.h"
#include "engine/report.h"
#include "swiglu/config.h"
#include "swiglu/params.h"

namespace swiglu::emulator {

// A kernel template, instantiated: one of the two, by the family.
struct KernelCase {
  KernelConfig config;
  void (*run)(const ForwardParams&) = nullptr;
  void (*run_with_maps)(const TmaParams&) = nullptr;
};

struct Execution {
  std::int64_t m = 1;
  int padding = 0;  // access units between rows, beyond what alignment needs
  bool reverse = false;
  Fill fill = Fill::normal;
  std::uint32_t seed = 0;  // as in LaunchShape
  int blocks = 0;          // of a kernel whose blocks walk the tiles; 0: one for each tile, as of all other kernels
};

struct Outcome {
  std::string errors;  // findings of the emulator and wrong values; empty is right
  Counters counters;
  std::vector<std::uint16_t> out;  // [m][d_intermediate]
  std::vector<std::uint16_t> g;
  std::vector<std::uint16_t> u;
};

Outcome execute(const KernelCase& kernel, const Execution& execution);

}  // namespace swiglu::emulator
