// Clusters of blocks (sm_90): their barrier, and what reaches into the other blocks' shared memory. There an object has
// the same offset as in this block's; addresses are those of this block.
#pragma once

#include "swiglu/params.h"

namespace swiglu::ptx {

// By all threads, in turns, whole warps together, as with __syncthreads(): what all threads of all blocks wrote before
// they arrived is seen after the wait. A block must not end while another may still reach into its shared memory.
__device__ __forceinline__ void cluster_arrive() {
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
}
__device__ __forceinline__ void cluster_wait() { asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory"); }

// An arrival on the mbarrier of the block of this rank.
__device__ __forceinline__ void mbarrier_arrive_at(unsigned barrier, unsigned rank) {
  asm volatile(
      "{ .reg .b32 there; mapa.shared::cluster.u32 there, %0, %1; mbarrier.arrive.shared::cluster.b64 _, [there]; }" ::
          "r"(barrier),
      "r"(rank)
      : "memory");
}

// Of kBlocks boxes, `rows` and `bytes` apart, the one of this block's rank, to all blocks' shared memory: completes
// with the box's bytes on the mbarrier of each. For the rest tma_load() in ptx/tma.cuh; all blocks call it.
template <int kBlocks>
__device__ __forceinline__ void tma_load_in_cluster(unsigned shared_dst, const TensorMap& map, int x, int y, int rows,
                                                    unsigned bytes, unsigned barrier) {
  constexpr unsigned short kAll = (1 << kBlocks) - 1;
  unsigned rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, "
      "{%2, %3}], [%4], %5;" ::"r"(shared_dst + rank * bytes),
      "l"(&map), "r"(x), "r"(y + static_cast<int>(rank) * rows), "r"(barrier), "h"(kAll)
      : "memory");
}

}  // namespace swiglu::ptx
