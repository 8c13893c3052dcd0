// mbarriers: phases, ordering between threads, and what may not be done with them.
#include <doctest/doctest.h>

#include <vector>

#include "engine/launch.h"
#include "ptx/mbarrier.cuh"
#include "ptx/memory.cuh"
#include "ptx/shared.cuh"

namespace swiglu::emulator {
namespace {

constexpr unsigned kThreads = 64;
constexpr std::size_t kShared = 1024;

Report launch_block(const std::function<void()>& kernel, bool reverse = false) {
  GlobalMemory global;
  LaunchShape shape{{1, 1, 1}, {kThreads, 1, 1}, kShared};
  shape.reverse = reverse;
  return launch(shape, global, kernel);
}

unsigned at(unsigned offset) { return ptx::shared_address(ptx::dynamic_shared()) + offset; }

void initialise(unsigned barrier, unsigned arrivals) {
  if (threadIdx.x == 0) {
    ptx::mbarrier_init(barrier, arrivals);
    ptx::mbarrier_fence_init();
  }
  __syncthreads();
}

// Warp 0 writes numbers for warp 1 to read, round after round, through a slot guarded by two barriers.
struct Mistake {
  unsigned first_parity_of_writer = 1;  // of the empty slot: the phase before the first
  bool wait_full = true;
  bool release = true;
  bool early_release = false;
};

void hand_over(const Mistake& mistake, std::vector<unsigned>& received) {
  constexpr unsigned kRounds = 5;
  const unsigned full = at(512);
  const unsigned empty = at(520);
  if (threadIdx.x == 0) {
    ptx::mbarrier_init(full, 32);
    ptx::mbarrier_init(empty, 32);
    ptx::mbarrier_fence_init();
  }
  __syncthreads();
  const unsigned slot = at(threadIdx.x % 32 * 4);
  for (unsigned round = 0; round < kRounds; ++round) {
    const unsigned parity = round % 2;
    if (threadIdx.x < 32) {
      ptx::mbarrier_wait(empty, parity ^ mistake.first_parity_of_writer);
      ptx::store_shared<4>(slot, {{100 * round + threadIdx.x}});
      ptx::mbarrier_arrive(full);
    } else {
      if (mistake.wait_full) {
        ptx::mbarrier_wait(full, parity);
      }
      if (mistake.early_release) {
        ptx::mbarrier_arrive(empty);
      }
      const unsigned value = ptx::load_shared<4>(slot ^ 4).words[0];
      if (threadIdx.x == 33) {
        received.push_back(value);
      }
      if (mistake.release && !mistake.early_release) {
        ptx::mbarrier_arrive(empty);
      }
    }
  }
}

TEST_CASE("mbarrier: a slot handed back and forth") {
  for (const bool reverse : {false, true}) {
    std::vector<unsigned> received;
    CHECK(launch_block([&] { hand_over({}, received); }, reverse).text() == "");
    CHECK(received == std::vector<unsigned>{0, 100, 200, 300, 400});
  }
  std::vector<unsigned> ignored;
  const auto wrong = [&](const Mistake& mistake, bool reverse) {
    return launch_block([&] { hand_over(mistake, ignored); }, reverse);
  };
  for (const bool reverse : {false, true}) {
    CHECK(wrong({.first_parity_of_writer = 0}, reverse).has(Fault::barrier));
    CHECK(wrong({.release = false}, reverse).has(Fault::barrier));
    const Report no_wait = wrong({.wait_full = false}, reverse);
    CHECK((no_wait.has(Fault::race) || no_wait.has(Fault::uninitialised)));
    CHECK(wrong({.early_release = true}, reverse).has(Fault::race));
  }
  const Report stuck = wrong({.release = false}, false);
  CHECK(stuck.text().find("wait in mbarrier_wait at mbarrier_test.cpp") != std::string::npos);
  CHECK(stuck.text().find("mbarrier at shared offset 520: phase 0 (parity 0) misses 32 of 32 arrivals and 0 bytes") !=
        std::string::npos);
}

TEST_CASE("mbarrier: waiting orders after those that arrived, and after no others") {
  const auto kernel = [](unsigned writer) {
    initialise(at(512), 1);
    if (threadIdx.x == writer) {
      ptx::store_shared<4>(at(0), {});
    }
    if (threadIdx.x == 0) {
      ptx::mbarrier_arrive(at(512));
      ptx::store_shared<4>(at(4), {});  // after arriving: nobody's to read
    }
    if (threadIdx.x == 40) {
      ptx::mbarrier_wait(at(512), 0);
      static_cast<void>(ptx::load_shared<4>(at(0)));
    }
  };
  CHECK(launch_block([&] { kernel(0); }).text() == "");
  CHECK(launch_block([&] { kernel(1); }).has(Fault::race));
  CHECK(launch_block([&] {
          kernel(0);
          if (threadIdx.x == 40) {
            static_cast<void>(ptx::load_shared<4>(at(4)));
          }
        }).has(Fault::race));
}

TEST_CASE("mbarrier: it must be there, initialised, aligned and known to the thread") {
  CHECK(launch_block([] { ptx::mbarrier_arrive(at(0)); }).has(Fault::object));
  CHECK(launch_block([] { ptx::mbarrier_wait(at(0), 0); }).has(Fault::object));
  CHECK(launch_block([] { ptx::mbarrier_init(at(4 * threadIdx.x), 1); }).has(Fault::alignment));
  CHECK(launch_block([] { ptx::mbarrier_init(at(8 * threadIdx.x), 0); }).has(Fault::object));
  CHECK(launch_block([] { ptx::mbarrier_init(at(kShared), 1); }).has(Fault::bounds));
  const auto kernel = [](bool barrier) {
    if (threadIdx.x == 0) {
      ptx::mbarrier_init(at(0), 1);
      ptx::mbarrier_fence_init();
    }
    if (barrier) {
      __syncthreads();
    }
    if (threadIdx.x == 1) {
      ptx::mbarrier_arrive(at(0));
    }
  };
  CHECK(launch_block([&] { kernel(true); }).text() == "");
  CHECK(launch_block([&] { kernel(false); }).has(Fault::race));
  CHECK(launch_block([] {
          initialise(at(0), 1);
          ptx::mbarrier_wait(at(0), 2);
        }).has(Fault::object));
}

TEST_CASE("mbarrier: no more arrivals than a phase has, unless the phase is complete") {
  const auto kernel = [](unsigned expected_bytes) {
    initialise(at(0), 1);
    if (threadIdx.x == 0) {
      ptx::mbarrier_arrive_expect(at(0), expected_bytes);
      ptx::mbarrier_arrive(at(0));  // the next phase's, if nothing is missing
    }
  };
  CHECK(launch_block([&] { kernel(0); }).text() == "");
  CHECK(launch_block([&] { kernel(16); }).has(Fault::object));
  CHECK(launch_block([&] { kernel(1u << 20); }).has(Fault::object));
}

TEST_CASE("mbarrier: ordinary accesses may not touch it, nor may it be placed on another") {
  const auto kernel = [](const std::function<void()>& access) {
    initialise(at(8), 1);
    if (threadIdx.x == 0) {
      access();
    }
  };
  CHECK(launch_block([&] { kernel([] { ptx::store_shared<8>(at(16), {}); }); }).text() == "");
  CHECK(launch_block([&] { kernel([] { ptx::store_shared<2>(at(14), {}); }); }).has(Fault::object));
  CHECK(launch_block([&] { kernel([] { static_cast<void>(ptx::load_shared<4>(at(8))); }); }).has(Fault::object));
  CHECK(launch_block([&] { kernel([] { ptx::mbarrier_init(at(8), 1); }); }).has(Fault::object));
}

}  // namespace
}  // namespace swiglu::emulator
