// What threads of a kernel tell each other of their progress, through global memory: counters that only rise. sm_90.
//
// Who looks at a count that add_done() made, and then calls fence_acquire(), sees all that was written before it, by
// the thread or by others that it is behind.
#pragma once

namespace swiglu::ptx {

__device__ __forceinline__ unsigned long long add_relaxed(unsigned long long* counter, unsigned long long value) {
  unsigned long long before;
  asm volatile("atom.relaxed.gpu.global.add.u64 %0, [%1], %2;" : "=l"(before) : "l"(counter), "l"(value) : "memory");
  return before;
}

__device__ __forceinline__ void add_done(unsigned* counter) {
  asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(counter) : "memory");
}

__device__ __forceinline__ unsigned look_at(const unsigned* counter) {
  unsigned value;
  asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(counter) : "memory");
  return value;
}

// Both wait for nothing. An acquire that is a release as well, or an order of copies after what was seen of any memory,
// waits for all of the thread's own memory at the GPU, one to two thousand clocks (docs/measurements.md).
__device__ __forceinline__ void fence_acquire() { asm volatile("fence.acquire.gpu;" ::: "memory"); }

// Orders what this thread has seen of global memory before asynchronous copies that it starts after.
__device__ __forceinline__ void fence_async_global() { asm volatile("fence.proxy.async.global;" ::: "memory"); }

}  // namespace swiglu::ptx
