// mbarrier (sm_90): barriers in shared memory that count arrivals and bytes of asynchronous copies. Addresses are
// shared 32-bit addresses of 8-byte objects.
//
// A phase completes when the arrivals it was initialised for have come and all bytes announced have landed; then the
// next begins. Phases are told apart by their parity, which the waiter keeps: the first has parity 0, and waiting for
// parity 1 of a fresh barrier returns at once.
#pragma once

namespace swiglu::ptx {

// By one thread; others see it after mbarrier_fence_init() and a barrier of the block.
__device__ __forceinline__ void mbarrier_init(unsigned barrier, unsigned arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

// Makes the inits before it visible to the asynchronous copies after it.
__device__ __forceinline__ void mbarrier_fence_init() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

__device__ __forceinline__ void mbarrier_arrive(unsigned barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

// One arrival that announces bytes of copies which complete on this barrier.
__device__ __forceinline__ void mbarrier_arrive_expect(unsigned barrier, unsigned bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

// A watchdog for kernels under development: tries, each of up to some milliseconds, after which a wait gives up by
// storing to address 0. 0: it never does. (A trap would make ptxas ignore setmaxnreg.)
inline constexpr unsigned kSpinLimit = 0;

__device__ __forceinline__ bool mbarrier_try_wait(unsigned barrier, unsigned parity) {
  unsigned complete;
  asm volatile(
      "{ .reg .pred complete; mbarrier.try_wait.parity.shared::cta.b64 complete, [%1], %2; selp.u32 %0, 1, 0, "
      "complete; }"
      : "=r"(complete)
      : "r"(barrier), "r"(parity)
      : "memory");
  return complete != 0;
}

// Waits until the phase of this parity is complete.
__device__ __forceinline__ void mbarrier_wait(unsigned barrier, unsigned parity) {
  for (unsigned tries = 1; !mbarrier_try_wait(barrier, parity); ++tries) {
    if (kSpinLimit > 0 && tries > kSpinLimit) {
      asm volatile("st.global.u32 [%0], %1;" ::"l"(0ull), "r"(barrier) : "memory");
    }
  }
}

}  // namespace swiglu::ptx
