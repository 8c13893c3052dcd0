// Registers move between a block's warpgroups (sm_90a), 4 consecutive warps each. Executed by all warps of one, once.
// The block must have been compiled with a bound on its threads. Increasing waits until the registers are there: what
// the warpgroups ask for together must not exceed what they began with.
#pragma once

namespace swiglu::ptx {

template <int kRegisters>
__device__ __forceinline__ void warpgroup_increase_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

template <int kRegisters>
__device__ __forceinline__ void warpgroup_decrease_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

}  // namespace swiglu::ptx
