#include "operations/progress.h"

#include "engine/block.h"

namespace swiglu::emulator {

unsigned long long add_count(unsigned long long* counter, unsigned long long value) {
  const unsigned long long before = *counter;
  *counter += value;
  return before;
}

void add_count(unsigned* counter) {
  Block& block = *Block::current();
  ++*counter;
  block.ordering().release(block.told()[counter], block.thread());
  block.ordering().advance();
}

unsigned look_at_count(const unsigned* counter, const Location& where) {
  Block& block = *Block::current();
  int looks = 0;
  block.wait_until([&] { return ++looks > 1; }, "looks at a count", where);
  block.ordering().acquire(block.told()[counter], block.thread());
  return *counter;
}

}  // namespace swiglu::emulator
