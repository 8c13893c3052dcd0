#include "operations/clock.h"

#include <algorithm>

namespace swiglu::emulator {

namespace {

constexpr unsigned long long kStep = 32;
unsigned long long now = 1'700'000'000'000'000'000;  // ns since 1970, as a card's
unsigned long long shown_steps = kStep;

}  // namespace

unsigned long long global_time() {
  now += kStep;
  return now - now % shown_steps;
}

void set_clock_steps(unsigned long long nanoseconds) { shown_steps = nanoseconds; }

unsigned local_clock() {
  constexpr unsigned kClocksPerNanosecond = 2;
  return static_cast<unsigned>(now += kStep) * kClocksPerNanosecond;
}

void raise_to(unsigned long long* time, unsigned long long at_least) { *time = std::max(*time, at_least); }

unsigned long long look_at(const unsigned long long* time) { return *time; }

}  // namespace swiglu::emulator
