// Counters that threads tell each other their progress by, in global and in shared memory. They are no accesses; who
// looks at one is ordered after those who told it before, and lets others run.
#pragma once

#include "engine/location.h"

namespace swiglu::emulator {

unsigned long long add_count(unsigned long long* counter, unsigned long long value);
void add_count(unsigned* counter);
unsigned look_at_count(const unsigned* counter, const Location& where);

void set_shared_count(unsigned address, unsigned value);
void raise_shared_count(unsigned address, unsigned at_least);
unsigned look_at_shared_count(unsigned address, const Location& where);

}  // namespace swiglu::emulator
