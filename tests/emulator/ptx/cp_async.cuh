// The emulator's form of kernel_templates/ptx/cp_async.cuh.
#pragma once

namespace swiglu::ptx {

template <int kBytes>
inline void cp_async(unsigned shared_dst, const void* global_src, int valid_bytes,
                     const emulator::Location& where = emulator::Location::current()) {
  static_assert(kBytes == 16 || kBytes == 8 || kBytes == 4, "cp.async copies 4, 8 or 16 bytes");
  emulator::copy_async(kBytes, shared_dst, global_src, valid_bytes, where);
}

template <int kBytes>
inline void cp_async(unsigned shared_dst, const void* global_src,
                     const emulator::Location& where = emulator::Location::current()) {
  cp_async<kBytes>(shared_dst, global_src, kBytes, where);
}

inline void cp_async_commit() { emulator::copy_async_commit(); }

template <int kPending>
inline void cp_async_wait() {
  emulator::copy_async_wait(kPending);
}

}  // namespace swiglu::ptx
