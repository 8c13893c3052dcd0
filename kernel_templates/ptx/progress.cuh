// What threads of a kernel tell each other of their progress, through global memory: counters that only rise. sm_90.
//
// Who looks at a count that add_done() made, and then calls fence_gpu(), sees all that was written before it, by the
// thread or by others that it is behind.
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

__device__ __forceinline__ void fence_gpu() { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }

// Orders what this thread has seen before asynchronous copies that it starts after.
__device__ __forceinline__ void fence_async() { asm volatile("fence.proxy.async;" ::: "memory"); }

}  // namespace swiglu::ptx
