// Turns a constexpr configuration into a kernel that the emulator can run.
#pragma once

#include "checks/execute.h"
#include "swiglu/mma_sm80.cuh"
#include "swiglu/simt.cuh"

namespace swiglu::emulator {

template <KernelConfig C>
KernelCase kernel_case() {
  if constexpr (C.family == Family::simt) {
    return {C, &simt::forward<C>};
  } else {
    return {C, &mma_sm80::forward<C>};
  }
}

// The first wrong thing, with all that is needed to see it again; empty is right.
inline std::string failure(const KernelCase& kernel, const Execution& execution, const Outcome& outcome) {
  if (outcome.errors.empty()) {
    return "";
  }
  return to_text(kernel.config) + " m=" + std::to_string(execution.m) +
         " padding=" + std::to_string(execution.padding) + (execution.reverse ? " reverse" : "") +
         (execution.fill == Fill::special ? " special" : "") + "\n" + outcome.errors;
}

}  // namespace swiglu::emulator
