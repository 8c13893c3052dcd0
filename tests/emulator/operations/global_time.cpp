#include "operations/global_time.h"

#include <algorithm>

namespace swiglu::emulator {

unsigned long long global_time() {
  constexpr unsigned long long kStep = 32;
  static unsigned long long now = 1'700'000'000'000'000'000;  // ns since 1970, as a card's
  return now += kStep;
}

void raise_to(unsigned long long* time, unsigned long long at_least) { *time = std::max(*time, at_least); }

unsigned long long look_at(const unsigned long long* time) { return *time; }

}  // namespace swiglu::emulator
