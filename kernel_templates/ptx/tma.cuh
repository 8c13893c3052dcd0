// The tensor memory accelerator (sm_90): boxes of a matrix in global memory to and from dense tiles in shared memory.
//
// A map (swiglu/params.h, made by the host) says where the matrix lies, how large it is, the box and the swizzle. What
// of a box lies outside the matrix is read as zeros, and counts among the bytes that land; it is never written. x is
// the index along a row, in elements, y the row. Shared addresses are aligned as the swizzle's pattern is: 1024, 512,
// 256 bytes for 128, 64, 32; 128 without one. All of these are called by one thread.
#pragma once

#include "swiglu/params.h"

namespace swiglu::ptx {

__device__ __forceinline__ void tma_prefetch(const TensorMap& map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}

// Completes on the mbarrier with the box's bytes.
__device__ __forceinline__ void tma_load(unsigned shared_dst, const TensorMap& map, int x, int y, unsigned barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::
          "r"(shared_dst),
      "l"(&map), "r"(x), "r"(y), "r"(barrier)
      : "memory");
}

// The same, and what is read is the first to leave the L2 cache.
__device__ __forceinline__ void tma_load_evict_first(unsigned shared_dst, const TensorMap& map, int x, int y,
                                                     unsigned barrier) {
  unsigned long long policy;
  asm("createpolicy.fractional.L2::evict_first.b64 %0;" : "=l"(policy));
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1, {%2, "
      "%3}], [%4], %5;" ::"r"(shared_dst),
      "l"(&map), "r"(x), "r"(y), "r"(barrier), "l"(policy)
      : "memory");
}

// Shared memory written by ordinary stores is seen by copies and wgmma that are issued after this fence, by the writer
// or after a barrier that follows it.
__device__ __forceinline__ void fence_proxy_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// Belongs to the issuing thread's open group.
__device__ __forceinline__ void tma_store(const TensorMap& map, int x, int y, unsigned shared_src) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%1, %2}], [%3];" ::"l"(&map), "r"(x),
               "r"(y), "r"(shared_src)
               : "memory");
}

__device__ __forceinline__ void tma_store_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }

// Waits until at most kPending of this thread's groups have not yet read all of their shared memory, which may be
// written again then.
template <int kPending>
__device__ __forceinline__ void tma_store_wait_read() {
  asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(kPending) : "memory");
}

// The same until they have written, which is owed before the block ends.
template <int kPending>
__device__ __forceinline__ void tma_store_wait() {
  asm volatile("cp.async.bulk.wait_group %0;" ::"n"(kPending) : "memory");
}

}  // namespace swiglu::ptx
