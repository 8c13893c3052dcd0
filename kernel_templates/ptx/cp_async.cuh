// cp.async (sm_80+): copies from global to shared memory that bypass registers and complete in commit groups.
//
// Source and destination are aligned to kBytes. A thread sees its own copies after cp_async_wait, and the copies of
// others after a barrier that follows their wait.
#pragma once

namespace swiglu::ptx {

// 16 bytes go around L1 (.cg), which serves tiles that no other warp of the SM reads; smaller ones exist as .ca only.
template <int kBytes>
__device__ __forceinline__ void cp_async(unsigned shared_dst, const void* global_src) {
  static_assert(kBytes == 16 || kBytes == 8 || kBytes == 4, "cp.async copies 4, 8 or 16 bytes");
  if constexpr (kBytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_dst), "l"(global_src) : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(shared_dst), "l"(global_src), "n"(kBytes)
                 : "memory");
  }
}

// Reads the first valid_bytes (0 .. kBytes) and fills the rest with zeros; 0 reads nothing, so any pointer will do.
template <int kBytes>
__device__ __forceinline__ void cp_async(unsigned shared_dst, const void* global_src, int valid_bytes) {
  static_assert(kBytes == 16 || kBytes == 8 || kBytes == 4, "cp.async copies 4, 8 or 16 bytes");
  if constexpr (kBytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_dst), "l"(global_src), "r"(valid_bytes)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared_dst), "l"(global_src), "n"(kBytes),
                 "r"(valid_bytes)
                 : "memory");
  }
}

// Closes the group of this thread's copies since the last commit; an empty group is fine.
__device__ __forceinline__ void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most kPending of this thread's most recent groups are unfinished.
template <int kPending>
__device__ __forceinline__ void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

}  // namespace swiglu::ptx
