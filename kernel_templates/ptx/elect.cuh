// One thread of a warp. sm_90.
#pragma once

namespace swiglu::ptx {

// True in one of the warp's threads, all of which ask. Where it decides a branch, the compiler knows that one thread
// takes it.
__device__ __forceinline__ bool elect_one() {
  unsigned elected;
  asm volatile(
      "{\n\t.reg .pred chosen;\n\t"
      "elect.sync _|chosen, 0xffffffff;\n\t"
      "selp.u32 %0, 1, 0, chosen;\n\t}"
      : "=r"(elected));
  return elected != 0;
}

}  // namespace swiglu::ptx
