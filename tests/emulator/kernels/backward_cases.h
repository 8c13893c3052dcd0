// Turns a constexpr configuration of a backward pass into a kernel that the emulator can run, and tells its failures.
#pragma once

#include <string>

#include "base/spelling.h"
#include "checks/backward.h"
#include "swiglu/mma_sm80.cuh"
#include "swiglu/simt.cuh"
#include "swiglu/streaming.cuh"
#include "swiglu/validity.h"
#include "swiglu/wgmma_sm90.cuh"

namespace swiglu::emulator {

template <KernelConfig C>
BackwardCase backward_case() {
  static_assert(why_invalid(C) == nullptr);
  if constexpr (C.family == Family::simt) {
    return {C, &simt::backward<C>};
  } else if constexpr (C.family == Family::streaming) {
    return {C, &streaming::backward<C>};
  } else if constexpr (has_gradients_ahead(C.problem.pass)) {
    return {C, nullptr, &wgmma_sm90::backward<C>, &wgmma_sm90::clear_progress<C>};
  } else if constexpr (C.family == Family::wgmma_sm90) {
    return {C, nullptr, &wgmma_sm90::backward<C>};
  } else {
    return {C, &mma_sm80::backward<C>};
  }
}

// The first wrong thing, with all that is needed to see it again; empty is right.
inline std::string failure(const BackwardCase& kernel, const BackwardExecution& execution,
                           const BackwardOutcome& outcome) {
  if (outcome.errors.empty()) {
    return "";
  }
  return print(kernel.config) + " m=" + std::to_string(execution.m) + " padding=" + std::to_string(execution.padding) +
         " splits=" + std::to_string(execution.splits) + (execution.accumulate ? " accumulate" : "") +
         " blocks=" + std::to_string(execution.blocks) + "+" + std::to_string(execution.without_tiles) +
         " seed=" + std::to_string(execution.seed) + (execution.both ? "" : " single") +
         (execution.reverse ? " reverse" : "") + "\n" + outcome.errors;
}

}  // namespace swiglu::emulator
