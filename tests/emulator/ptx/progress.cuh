// The emulator's form of kernel_templates/ptx/progress.cuh.
#pragma once

#include "operations/progress.h"
#include "operations/tma.h"

namespace swiglu::ptx {

inline unsigned long long add_relaxed(unsigned long long* counter, unsigned long long value) {
  return emulator::add_count(counter, value);
}
inline void add_done(unsigned* counter) { emulator::add_count(counter); }
inline unsigned look_at(const unsigned* counter, const emulator::Location& where = emulator::Location::current()) {
  return emulator::look_at_count(counter, where);
}

inline void fence_acquire() {}
inline void fence_async_global() { emulator::fence_proxy_async(); }

}  // namespace swiglu::ptx
