// Boxes of matrices between global and shared memory, by tensor maps; and the fence that lets asynchronous units see
// what threads wrote.
#pragma once

#include "engine/block.h"
#include "swiglu/params.h"

namespace swiglu::emulator {

void tma_prefetch(const TensorMap& map, const Location& where);
void tma_load(unsigned shared_destination, const TensorMap& map, int x, int y, unsigned barrier, const Location& where);
void tma_store(const TensorMap& map, int x, int y, unsigned shared_source, const Location& where);
void tma_store_commit();
void tma_store_wait(int pending, bool written);
void fence_proxy_async();

}  // namespace swiglu::emulator
