// The card's clock and a multiprocessor's, and times in global memory that blocks tell each other. sm_90.
#pragma once

namespace swiglu::ptx {

// Nanoseconds since a moment that is the same for all multiprocessors. In steps of 32 ns on an H200; one that was set
// back or forward meanwhile, or has coarser steps, is possible.
__device__ __forceinline__ unsigned long long global_time() {
  unsigned long long time;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(time));
  return time;
}

// Clocks of this multiprocessor, the lower 32 bits.
__device__ __forceinline__ unsigned local_clock() {
  unsigned clocks;
  asm volatile("mov.u32 %0, %%clock;" : "=r"(clocks));
  return clocks;
}

// Without waiting; in no order with other accesses.
__device__ __forceinline__ void raise_to(unsigned long long* time, unsigned long long at_least) {
  asm volatile("red.relaxed.gpu.global.max.u64 [%0], %1;" ::"l"(time), "l"(at_least) : "memory");
}

__device__ __forceinline__ unsigned long long look_at(const unsigned long long* time) {
  unsigned long long value;
  asm volatile("ld.relaxed.gpu.global.u64 %0, [%1];" : "=l"(value) : "l"(time) : "memory");
  return value;
}

// For so many nanoseconds, or up to twice as many.
__device__ __forceinline__ void sleep(unsigned nanoseconds) { asm volatile("nanosleep.u32 %0;" ::"r"(nanoseconds)); }

}  // namespace swiglu::ptx
