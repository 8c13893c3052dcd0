// The emulator's form of kernel_templates/ptx/cluster.cuh. Of a cluster one block is run, and the others are its mirror
// images: they do the same at the same time, so that whatever this block does to another is done to this one.
#pragma once

#include "operations/mbarrier.h"
#include "operations/tma.h"
#include "swiglu/params.h"

namespace swiglu::ptx {

inline void cluster_arrive() {}
inline void cluster_wait(const emulator::Location& where = emulator::Location::current()) {
  emulator::synchronize_threads(where);
}

inline void mbarrier_arrive_at(unsigned barrier, unsigned /*rank*/,
                               const emulator::Location& where = emulator::Location::current()) {
  emulator::mbarrier_arrive(barrier, where);
}

template <int kBlocks>
inline void tma_load_in_cluster(unsigned shared_dst, const TensorMap& map, int x, int y, int rows, unsigned bytes,
                                unsigned barrier, const emulator::Location& where = emulator::Location::current()) {
  for (int rank = 0; rank < kBlocks; ++rank) {
    emulator::tma_load(shared_dst + static_cast<unsigned>(rank) * bytes, map, x, y + rank * rows, barrier, where);
  }
}

}  // namespace swiglu::ptx
