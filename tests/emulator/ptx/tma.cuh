// The emulator's form of kernel_templates/ptx/tma.cuh.
#pragma once

#include "operations/tma.h"
#include "swiglu/params.h"

namespace swiglu::ptx {

inline void tma_prefetch(const TensorMap& map, const emulator::Location& where = emulator::Location::current()) {
  emulator::tma_prefetch(map, where);
}

inline void tma_load(unsigned shared_dst, const TensorMap& map, int x, int y, unsigned barrier,
                     const emulator::Location& where = emulator::Location::current()) {
  emulator::tma_load(shared_dst, map, x, y, barrier, where);
}

inline void tma_load_evict_first(unsigned shared_dst, const TensorMap& map, int x, int y, unsigned barrier,
                                 const emulator::Location& where = emulator::Location::current()) {
  emulator::tma_load(shared_dst, map, x, y, barrier, where);
}

inline void fence_proxy_async() { emulator::fence_proxy_async(); }

inline void tma_store(const TensorMap& map, int x, int y, unsigned shared_src,
                      const emulator::Location& where = emulator::Location::current()) {
  emulator::tma_store(map, x, y, shared_src, where);
}

inline void tma_store_commit() { emulator::tma_store_commit(); }

template <int kPending>
inline void tma_store_wait_read() {
  emulator::tma_store_wait(kPending, false);
}

template <int kPending>
inline void tma_store_wait() {
  emulator::tma_store_wait(kPending, true);
}

}  // namespace swiglu::ptx
