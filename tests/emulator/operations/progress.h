// Counters that threads tell each other their progress by, in global memory. They are no accesses; who
// looks at one is ordered after those who told it before, and lets others run.
#pragma once

#include "engine/location.h"

namespace swiglu::emulator {

unsigned long long add_count(unsigned long long* counter, unsigned long long value);
void add_count(unsigned* counter);
unsigned look_at_count(const unsigned* counter, const Location& where);

}  // namespace swiglu::emulator
