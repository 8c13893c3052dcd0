// Turns a constexpr configuration into a kernel that the emulator can run.
#pragma once

#include "base/spelling.h"
#include "checks/execute.h"
#include "swiglu/mma_sm80.cuh"
#include "swiglu/simt.cuh"
#include "swiglu/wgmma_sm90.cuh"

namespace swiglu::emulator {

template <KernelConfig C>
KernelCase kernel_case() {
  if constexpr (C.family == Family::simt) {
    return {C, &simt::forward<C>};
  } else if constexpr (C.family == Family::mma_sm80) {
    return {C, &mma_sm80::forward<C>};
  } else {
    return {C, nullptr, &wgmma_sm90::forward<C>};
  }
}

// The first wrong thing, with all that is needed to see it again; empty is right.
inline std::string failure(const KernelCase& kernel, const Execution& execution, const Outcome& outcome) {
  if (outcome.errors.empty()) {
    return "";
  }
  return print(kernel.config) + " m=" + std::to_string(execution.m) + " padding=" + std::to_string(execution.padding) +
         " blocks=" + std::to_string(execution.blocks) + " seed=" + std::to_string(execution.seed) +
         (execution.reverse ? " reverse" : "") + (execution.fill == Fill::special ? " special" : "") + "\n" +
         outcome.errors;
}

}  // namespace swiglu::emulator
