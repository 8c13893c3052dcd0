// The emulator's form of kernel_templates/ptx/clock.cuh.
#pragma once

#include "operations/clock.h"

namespace swiglu::ptx {

inline unsigned long long global_time() { return emulator::global_time(); }

inline unsigned local_clock() { return emulator::local_clock(); }

inline void raise_to(unsigned long long* time, unsigned long long at_least) { emulator::raise_to(time, at_least); }

inline unsigned long long look_at(const unsigned long long* time) { return emulator::look_at(time); }

inline void sleep(unsigned /*nanoseconds*/) {}

}  // namespace swiglu::ptx
