// Runs one kernel of the backward pass on one problem in the emulator, and says all that is wrong with it.
//
// Operands are small integers (the weights of the recomputation sixteenths of them), so that every sum is exact in f32
// and f16, and what is stored of a product is known bit for bit. dg and du, which go through the activation, are held
// to one rounding and to what its approximations lose.
#pragma once

#include <cstdint>
#include <string>

#include "engine/report.h"
#include "swiglu/config.h"
#include "swiglu/params.h"

namespace swiglu::emulator {

// One of the two, by the family.
struct BackwardCase {
  KernelConfig config;
  void (*run)(const BackwardParams&) = nullptr;
  void (*run_with_maps)(const TmaParams&) = nullptr;
  void (*clear)(const TmaParams&) = nullptr;  // of those with gradients ahead, what is launched before it
};

struct BackwardExecution {
  std::int64_t m = 1;
  int padding = 0;  // access units between rows, beyond what alignment needs
  bool reverse = false;
  int splits = 1;           // dw: parts, which leave fewer tokens to the last; dw_sum: parts to add up
  bool accumulate = false;  // dw and dw_sum
  bool both = true;         // dw_sum: of both gradients, else of dWu alone
  std::uint32_t seed = 0;   // as in LaunchShape
  int blocks = 0;           // of a kernel whose blocks walk the tiles; 0: one for each tile, as of all other kernels
  int without_tiles = 0;    // of one with gradients ahead, blocks besides
};

struct BackwardOutcome {
  std::string errors;  // findings of the emulator and wrong values; empty is right
  Counters counters;
};

BackwardOutcome execute(const BackwardCase& kernel, const BackwardExecution& execution);

}  // namespace swiglu::emulator
