// mbarrier operations, and the barrier an asynchronous copy completes on.
#pragma once

#include "engine/block.h"

namespace swiglu::emulator {

void mbarrier_init(unsigned address, unsigned arrivals, const Location& where);
void mbarrier_fence_init();
void mbarrier_arrive(unsigned address, const Location& where);
void mbarrier_arrive_expect(unsigned address, unsigned bytes, const Location& where);
void mbarrier_wait(unsigned address, unsigned parity, const Location& where);

// The barrier at a shared address; ends the launch if there is none.
Mbarrier& live_mbarrier(Block& block, unsigned address, const char* operation, const Location& where);

}  // namespace swiglu::emulator
