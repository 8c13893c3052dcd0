// How blocks keep step (swiglu/lockstep.cuh), one consumer's thread at a time.
#include <doctest/doctest.h>

#include "operations/global_time.h"
#include "swiglu/lockstep.cuh"

namespace swiglu {
namespace {

constexpr unsigned long long kStep = 32;  // of the emulator's clock, ns

// As a cooperative tile does: its output takes `output` ns.
template <typename Step>
void tile(Step& step, unsigned long long output) {
  step.arrive();
  step.wait();
  step.announce();
  for (const unsigned long long end = emulator::global_time() + output; emulator::global_time() < end;) {
  }
  step.next(1);
}

TEST_CASE("lockstep: what a block announces is when it arrives, learnt from the tile before") {
  announced_times[0] = 0;
  Lockstep<1> step(true, 0, 0, true);
  tile(step, 640);
  CHECK(announced_times[0] == 0);  // not known yet
  tile(step, 640);
  const unsigned long long announced = announced_times[0];
  const unsigned long long now = emulator::global_time();
  CHECK(now + 8 * kStep > announced);
  CHECK(announced + 8 * kStep > now);
}

TEST_CASE("lockstep: the latest of all is waited for, but no time that is past or far") {
  const auto waits_until = [](unsigned long long ahead) {
    const unsigned long long begin = emulator::global_time();
    announced_times[1] = begin + ahead;
    const Lockstep<1> step(true, 1, 0, false);
    step.wait();
    return emulator::global_time() - begin;
  };
  CHECK(waits_until(1000) >= 1000);
  CHECK(waits_until(1000) < 1000 + 8 * kStep);
  CHECK(waits_until(-1000ull) < 8 * kStep);
  CHECK(waits_until(1'000'000) < 8 * kStep);
}

TEST_CASE("lockstep: who is off or no speaker tells nothing, and of every four tiles one is waited for") {
  announced_times[0] = 0;
  Lockstep<1> silent(true, 0, 0, false);
  Lockstep<1> off(false, 0, 0, true);
  for (int i = 0; i < 3; ++i) {
    tile(silent, 0);
    tile(off, 0);
  }
  CHECK(announced_times[0] == 0);

  Lockstep<4> fourth(true, 0, 0, true);
  for (unsigned i = 0; i < 12; ++i) {
    const unsigned long long begin = emulator::global_time();
    announced_times[0] = begin + 2000;
    fourth.wait();
    CHECK((emulator::global_time() - begin >= 2000) == (i % 4 == 3));
    fourth.next(1);
  }
}

}  // namespace
}  // namespace swiglu
