// setmaxnreg: a warpgroup hands registers back, or waits until others have.
#include <functional>

#include "operations/operations.h"
#include "operations/who.h"

namespace swiglu::emulator {
namespace {

template <bool kIncrease>
void compute(Block& block, int warpgroup, const WarpgroupOperands& operands, const Location& where) {
  const int registers = *static_cast<const int*>(operands[0]);
  for (const void* other : operands) {
    if (*static_cast<const int*>(other) != registers) {
      block.stop(Fault::divergence, to_text(where),
                 fmt::format("{}: {} and {} registers in one warpgroup", who(block, "setmaxnreg", where), registers,
                             *static_cast<const int*>(other)));
    }
  }
  const int before = block.register_pool().of(warpgroup);
  if (kIncrease ? registers < before : registers > before) {
    block.report().add(Fault::registers, to_text(where),
                       fmt::format("{}: from {} to {} is no {}", who(block, "setmaxnreg", where), before, registers,
                                   kIncrease ? "increase" : "decrease"));
  }
  if (!kIncrease) {
    block.register_pool().set(warpgroup, registers);
  }
}

constexpr WarpgroupOperation kIncreaseOperation{"setmaxnreg.inc", compute<true>};
constexpr WarpgroupOperation kDecreaseOperation{"setmaxnreg.dec", compute<false>};

}  // namespace

void increase_registers(int registers, const Location& where) {
  Block& block = *Block::current();
  block.meet_warpgroup(kIncreaseOperation, &registers, where);
  const int warpgroup = block.thread() / Block::kWarpgroupSize;
  RegisterPool& pool = block.register_pool();
  const auto ready = [&] { return pool.of(warpgroup) == registers || pool.can_set(warpgroup, registers); };
  block.wait_until(std::cref(ready), kIncreaseOperation.name, where);
  pool.set(warpgroup, registers);
}

void decrease_registers(int registers, const Location& where) {
  Block::current()->meet_warpgroup(kDecreaseOperation, &registers, where);
}

}  // namespace swiglu::emulator
