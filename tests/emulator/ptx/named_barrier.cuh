// The emulator's form of kernel_templates/ptx/named_barrier.cuh.
#pragma once

namespace swiglu::ptx {

template <int kThreads>
inline void barrier_sync(int number, const emulator::Location& where = emulator::Location::current()) {
  static_assert(kThreads > 0 && kThreads % 32 == 0, "barriers join whole warps");
  emulator::Block::current()->barrier_sync(number, kThreads, "barrier_sync", where);
}

template <int kThreads>
inline void barrier_arrive(int number, const emulator::Location& where = emulator::Location::current()) {
  static_assert(kThreads > 0 && kThreads % 32 == 0, "barriers join whole warps");
  emulator::Block::current()->barrier_arrive(number, kThreads, "barrier_arrive", where);
}

}  // namespace swiglu::ptx
