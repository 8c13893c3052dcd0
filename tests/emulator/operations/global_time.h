// The card's clock, and times that blocks tell each other: atomic, so no race and no access that is checked.
#pragma once

namespace swiglu::emulator {

// 32 ns later at every look, so that whoever waits for a time sees it come.
unsigned long long global_time();

void raise_to(unsigned long long* time, unsigned long long at_least);
unsigned long long look_at(const unsigned long long* time);

}  // namespace swiglu::emulator
