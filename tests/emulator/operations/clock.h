// The card's clock and a multiprocessor's, and times that blocks tell each other: atomic, so no race and no access that
// is checked.
#pragma once

namespace swiglu::emulator {

// 32 ns later at every look, so that whoever waits for a time sees it come.
unsigned long long global_time();

// What it shows is a multiple of so many ns: 32, unless a test says otherwise.
void set_clock_steps(unsigned long long nanoseconds);

// Likewise by 64 clocks, of one multiprocessor for all blocks.
unsigned local_clock();

void raise_to(unsigned long long* time, unsigned long long at_least);
unsigned long long look_at(const unsigned long long* time);

}  // namespace swiglu::emulator
