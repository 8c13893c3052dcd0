// The emulator's form of kernel_templates/ptx/mbarrier.cuh.
#pragma once

#include "operations/mbarrier.h"

namespace swiglu::ptx {

inline void mbarrier_init(unsigned barrier, unsigned arrivals,
                          const emulator::Location& where = emulator::Location::current()) {
  emulator::mbarrier_init(barrier, arrivals, where);
}

inline void mbarrier_fence_init() { emulator::mbarrier_fence_init(); }

inline void mbarrier_arrive(unsigned barrier, const emulator::Location& where = emulator::Location::current()) {
  emulator::mbarrier_arrive(barrier, where);
}

inline void mbarrier_arrive_expect(unsigned barrier, unsigned bytes,
                                   const emulator::Location& where = emulator::Location::current()) {
  emulator::mbarrier_arrive_expect(barrier, bytes, where);
}

inline void mbarrier_wait(unsigned barrier, unsigned parity,
                          const emulator::Location& where = emulator::Location::current()) {
  emulator::mbarrier_wait(barrier, parity, where);
}

}  // namespace swiglu::ptx
