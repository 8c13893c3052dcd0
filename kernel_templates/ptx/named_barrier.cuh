// Barriers of some of a block's warps, by number. 0 is __syncthreads'.
#pragma once

namespace swiglu::ptx {

// Waits until kThreads threads (a multiple of 32) have come, by sync or arrive.
template <int kThreads>
__device__ __forceinline__ void barrier_sync(int number) {
  asm volatile("barrier.sync %0, %1;" ::"r"(number), "n"(kThreads) : "memory");
}

// Counts as having come, without waiting.
template <int kThreads>
__device__ __forceinline__ void barrier_arrive(int number) {
  asm volatile("barrier.arrive %0, %1;" ::"r"(number), "n"(kThreads) : "memory");
}

}  // namespace swiglu::ptx
