// What threads of a kernel tell each other of their progress, through global memory for the grid and shared memory for
// the block: counters that only rise. sm_90.
//
// Of what is written before fence_gpu() and a count added after it, who sees the count and then calls fence_gpu() sees
// all. The same in a block by raise_shared() and look_at_shared().
#pragma once

namespace swiglu::ptx {

__device__ __forceinline__ unsigned long long add_relaxed(unsigned long long* counter, unsigned long long value) {
  unsigned long long before;
  asm volatile("atom.relaxed.gpu.global.add.u64 %0, [%1], %2;" : "=l"(before) : "l"(counter), "l"(value) : "memory");
  return before;
}

__device__ __forceinline__ void add_done(unsigned* counter) {
  asm volatile("red.relaxed.gpu.global.add.u32 [%0], 1;" ::"l"(counter) : "memory");
}

__device__ __forceinline__ unsigned look_at(const unsigned* counter) {
  unsigned value;
  asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(counter) : "memory");
  return value;
}

__device__ __forceinline__ void fence_gpu() { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }

// Orders what this thread has seen before asynchronous copies that it starts after.
__device__ __forceinline__ void fence_async() { asm volatile("fence.proxy.async;" ::: "memory"); }

__device__ __forceinline__ void raise_shared(unsigned address, unsigned at_least) {
  asm volatile("red.release.cta.shared::cta.max.u32 [%0], %1;" ::"r"(address), "r"(at_least) : "memory");
}

__device__ __forceinline__ unsigned look_at_shared(unsigned address) {
  unsigned value;
  asm volatile("ld.acquire.cta.shared::cta.u32 %0, [%1];" : "=r"(value) : "r"(address) : "memory");
  return value;
}

__device__ __forceinline__ void set_shared(unsigned address, unsigned value) {
  asm volatile("st.relaxed.cta.shared::cta.u32 [%0], %1;" ::"r"(address), "r"(value) : "memory");
}

}  // namespace swiglu::ptx
