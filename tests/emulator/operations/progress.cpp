#include "operations/progress.h"

#include <algorithm>

#include "engine/block.h"

namespace swiglu::emulator {

namespace {

Count& count_at(std::uintptr_t address) { return Block::current()->counts()[address]; }
Count& count_at(const unsigned* counter) { return count_at(reinterpret_cast<std::uintptr_t>(counter)); }

void tell(Count& count) {
  Ordering& ordering = Block::current()->ordering();
  ordering.release(count.told, Block::current()->thread());
  ordering.advance();
}

void hear(const Count& count) { Block::current()->ordering().acquire(count.told, Block::current()->thread()); }

void let_others_run(const Location& where) {
  int looks = 0;
  Block::current()->wait_until([&] { return ++looks > 1; }, "looks at a count", where);
}

}  // namespace

unsigned long long add_count(unsigned long long* counter, unsigned long long value) {
  const unsigned long long before = *counter;
  *counter += value;
  return before;
}

void add_count(unsigned* counter) {
  ++*counter;
  tell(count_at(counter));
}

unsigned look_at_count(const unsigned* counter, const Location& where) {
  let_others_run(where);
  hear(count_at(counter));
  return *counter;
}

void set_shared_count(unsigned address, unsigned value) {
  Count& count = count_at(address);
  count.value = value;
  tell(count);
}

void raise_shared_count(unsigned address, unsigned at_least) {
  set_shared_count(address, std::max(count_at(address).value, at_least));
}

unsigned look_at_shared_count(unsigned address, const Location& where) {
  let_others_run(where);
  const Count& count = count_at(address);
  hear(count);
  return count.value;
}

}  // namespace swiglu::emulator
