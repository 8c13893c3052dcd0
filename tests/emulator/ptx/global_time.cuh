// The emulator's form of kernel_templates/ptx/global_time.cuh.
#pragma once

#include "operations/global_time.h"

namespace swiglu::ptx {

inline unsigned long long global_time() { return emulator::global_time(); }

inline void raise_to(unsigned long long* time, unsigned long long at_least) { emulator::raise_to(time, at_least); }

inline unsigned long long look_at(const unsigned long long* time) { return emulator::look_at(time); }

}  // namespace swiglu::ptx
