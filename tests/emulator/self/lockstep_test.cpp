// How blocks keep step (swiglu/lockstep.cuh), one consumer's thread at a time.
#include <doctest/doctest.h>

#include <vector>

#include "operations/clock.h"
#include "swiglu/lockstep.cuh"

namespace swiglu {
namespace {

constexpr unsigned long long kStep = 32;  // of the emulator's clock, ns

// Until the emulator's clock has gone on by so many ns.
void pass_time(unsigned long long duration) {
  for (const unsigned long long end = emulator::global_time() + duration; emulator::global_time() < end;) {
  }
}

template <typename Action>
unsigned long long time_of(Action action) {
  const unsigned long long begin = emulator::global_time();
  action();
  return emulator::global_time() - begin;
}

void check_near(unsigned long long time, unsigned long long expected, unsigned long long off) {
  CHECK(time + off > expected);
  CHECK(expected + off > time);
}

// As a ping-pong tile does: the next can begin so many ns after it is announced.
void tile(TileLockstep& step, unsigned long long lead) {
  step.wait();
  step.announce();
  pass_time(lead);
  step.arrive();
  step.next(1);
}

void forget_times() {
  for (ToldTime& told : told_times) {
    told.time = 0;
  }
}

TEST_CASE("lockstep: what a block announces is when it arrives, learnt from the tile before") {
  forget_times();
  TileLockstep step(true, 2, true);
  tile(step, 640);
  CHECK(told_times[0].time == 0);  // not known yet
  for (int i = 0; i < 4; ++i) {
    tile(step, 640);
  }
  check_near(told_times[0].time, emulator::global_time(), 8 * kStep);
}

TEST_CASE("lockstep: the latest of all is waited for, but no time that is past or far") {
  const auto waits = [](unsigned long long ahead) {
    told_times[0].time = emulator::global_time() + ahead;
    const TileLockstep step(true, 3, false);
    return time_of([&] { step.wait(); });
  };
  check_near(waits(1000), 1000, 8 * kStep);
  CHECK(waits(-1000ull) < 8 * kStep);
  CHECK(waits(1'000'000) < 8 * kStep);
}

TEST_CASE("lockstep: who is off or no speaker tells nothing, and of every four tiles one is waited for") {
  forget_times();
  TileLockstep silent(true, 0, false);
  TileLockstep off(false, 0, true);
  for (int i = 0; i < 8; ++i) {
    tile(silent, 0);
    tile(off, 0);
  }
  CHECK(told_times[0].time == 0);

  TileLockstep fourth(true, 0, true);
  for (unsigned i = 0; i < 12; ++i) {
    told_times[0].time = emulator::global_time() + 2000;
    CHECK((time_of([&] { fourth.wait(); }) >= 2000) == (i % 4 == 3));
    fourth.next(1);
  }
}

// Stages of 1024 clocks of the emulator's multiprocessor, 512 ns: told of four ahead, every eight.
using Loads = LoadLockstep<1024>;

// Loads `stages` more, each as soon as the one before it was and `each` ns have passed; how long each waited.
std::vector<unsigned long long> load(Loads& step, int stages, unsigned long long each) {
  std::vector<unsigned long long> waits;
  for (int i = 0; i < stages; ++i) {
    pass_time(each);
    waits.push_back(time_of([&] { step.wait(); }));
    step.next();
  }
  return waits;
}

TEST_CASE("lockstep: a block tells when it will load a stage, by its own pace") {
  forget_times();
  Loads step(true);
  const unsigned long long begin = emulator::global_time();
  load(step, 8, 512);
  check_near(told_times[0].time, begin + 2512, 500);  // of the first, before any pace is known
  load(step, 1, 512);                                 // the ninth tells of the thirteenth
  check_near(told_times[1].time, emulator::global_time() + 4 * 512, 500);
  CHECK(told_times[2].time == 0);
}

TEST_CASE("lockstep: loads wait for the latest block's, then go on at their pace") {
  forget_times();
  Loads step(true);
  load(step, 3, 512);
  told_times[0].time = emulator::global_time() + 2 * 400 + 1500;
  const std::vector<unsigned long long> late = load(step, 5, 400);
  check_near(late[1], 1500, 300);  // stage 4 waits
  check_near(late[2], 112, 200);   // and those after it keep the distance
  check_near(late[3], 112, 200);

  told_times[1].time = emulator::global_time() + 1'000'000;  // too far
  for (const unsigned long long wait : load(step, 8, 600)) {
    CHECK(wait < 400);
  }
}

TEST_CASE("lockstep: no block keeps step by a clock that goes on in steps of a microsecond") {
  CHECK(clock_is_fine());
  emulator::set_clock_steps(1024);
  CHECK(!clock_is_fine());
  emulator::set_clock_steps(kStep);
  CHECK(clock_is_fine());
}

TEST_CASE("lockstep: loads that keep no step tell nothing and never wait") {
  forget_times();
  Loads step(false);
  told_times[0].time = emulator::global_time() + 3000;
  const unsigned long long told = told_times[0].time;
  for (const unsigned long long wait : load(step, 16, 0)) {
    CHECK(wait < 4 * kStep);
  }
  CHECK(told_times[0].time == told);
  CHECK(told_times[1].time == 0);
}

}  // namespace
}  // namespace swiglu
