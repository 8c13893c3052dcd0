// The emulator itself: barriers, warp collectives, divergence and deadlock, with kernels of a few lines.
#include <doctest/doctest.h>

#include <vector>

#include "engine/launch.h"
#include "ptx/memory.cuh"
#include "ptx/mma.cuh"
#include "ptx/shared.cuh"

namespace swiglu::emulator {
namespace {

Report launch_block(unsigned threads, const std::function<void()>& kernel, std::size_t shared_bytes = 4096) {
  GlobalMemory global;
  return launch({{1, 1, 1}, {threads, 1, 1}, shared_bytes}, global, kernel);
}

TEST_CASE("built-in variables name every thread of every block once") {
  GlobalMemory global;
  std::vector<int> visits(static_cast<std::size_t>(2 * 3 * 64));
  const Report report = launch({{2, 3, 1}, {32, 2, 1}, 0}, global, [&] {
    const unsigned block = blockIdx.y * gridDim.x + blockIdx.x;
    ++visits[block * 64 + threadIdx.y * blockDim.x + threadIdx.x];
  });
  CHECK(report.text() == "");
  CHECK(visits == std::vector<int>(static_cast<std::size_t>(2 * 3 * 64), 1));
}

TEST_CASE("a barrier holds threads back until the last has come, in either order of turns") {
  for (const bool reverse : {false, true}) {
    GlobalMemory global;
    int before = 0;
    int too_early = 0;
    LaunchShape shape{{1, 1, 1}, {96, 1, 1}, 0};
    shape.reverse = reverse;
    const Report report = launch(shape, global, [&] {
      ++before;
      __syncthreads();
      too_early += before == 96 ? 0 : 1;
    });
    CHECK(report.text() == "");
    CHECK(too_early == 0);
    CHECK(report.counters.barriers == 1);
  }
}

TEST_CASE("a barrier that some threads never reach is reported and does not hang") {
  const Report report = launch_block(64, [] {
    if (threadIdx.x != 7) {
      __syncthreads();
    }
  });
  CHECK(report.has(Fault::barrier));
  CHECK(report.text().find("threads 0-6,8-63 wait in __syncthreads") != std::string::npos);
  CHECK(report.text().find("threads 7 have returned") != std::string::npos);
}

TEST_CASE("threads that meet in different __syncthreads are reported") {
  const Report report = launch_block(64, [] {
    if (threadIdx.x < 32) {
      __syncthreads();
    } else {
      __syncthreads();
    }
  });
  CHECK(report.has(Fault::divergence));
}

TEST_CASE("numbered barriers join only their threads") {
  std::vector<int> order;
  const Report report = launch_block(96, [&] {
    Block& block = *Block::current();
    if (threadIdx.x < 32) {
      block.barrier_sync(1, 64, "bar.sync", Location::current());
      order.push_back(1);
    } else if (threadIdx.x < 64) {
      order.push_back(0);
      block.barrier_arrive(1, 64, "bar.arrive", Location::current());
    }
  });
  CHECK(report.text() == "");
  REQUIRE(order.size() == 64);
  CHECK(std::vector<int>(order.begin(), order.begin() + 32) == std::vector<int>(32, 0));
  CHECK(launch_block(64, [] {
          Block::current()->barrier_sync(1, 65, "bar.sync", Location::current());
        }).has(Fault::barrier));
}

TEST_CASE("warps that run by priorities meet where those that take turns do not") {
  // Two pairs of warps use one barrier, each for itself: which of them meet is a matter of who comes first.
  const auto run = [](std::uint32_t seed, bool same_barrier) {
    GlobalMemory global;
    LaunchShape shape{{1, 1, 1}, {128, 1, 1}, 1024};
    shape.seed = seed;
    return launch(shape, global, [=] {
      Block& block = *Block::current();
      const unsigned pair = threadIdx.x / 64;
      const unsigned own = ptx::shared_address(ptx::dynamic_shared()) + threadIdx.x * 4;
      ptx::store_shared<4>(own, {});
      block.barrier_sync(same_barrier ? 1 : 1 + static_cast<int>(pair), 64, "bar.sync", Location::current());
      static_cast<void>(ptx::load_shared<4>(own ^ 128));
    });
  };
  CHECK(run(0, true).text() == "");
  int found = 0;
  for (std::uint32_t seed = 1; seed <= 8; ++seed) {
    CHECK(run(seed, false).text() == "");
    found += run(seed, true).clean() ? 0 : 1;
  }
  CHECK(found > 0);
}

TEST_CASE("waiting for a condition that another thread fulfils, and one that nobody does") {
  int value = 0;
  int seen = 0;
  const Report good = launch_block(2, [&] {
    if (threadIdx.x == 0) {
      Block::current()->wait_until([&] { return value == 1; }, "mbarrier.try_wait", Location::current());
      seen = value;
    } else {
      value = 1;
    }
  });
  CHECK(good.text() == "");
  CHECK(seen == 1);
  const Report bad = launch_block(
      2, [] { Block::current()->wait_until([] { return false; }, "mbarrier.try_wait", Location::current()); });
  CHECK(bad.has(Fault::barrier));
  CHECK(bad.text().find("threads 0-1 wait in mbarrier.try_wait") != std::string::npos);
}

TEST_CASE("shuffles move values between lanes") {
  std::vector<int> index(64);
  std::vector<float> butterfly(64);
  std::vector<int> down(64);
  const Report report = launch_block(64, [&] {
    const int lane = static_cast<int>(threadIdx.x % 32);
    index[threadIdx.x] = __shfl_sync(0xffffffffu, lane * 10, 3);
    butterfly[threadIdx.x] = __shfl_xor_sync(0xffffffffu, static_cast<float>(lane), 5);
    down[threadIdx.x] = __shfl_down_sync(0xffffffffu, lane, 4, 8);
  });
  CHECK(report.text() == "");
  for (std::size_t i = 0; i < 64; ++i) {
    const int lane = static_cast<int>(i % 32);
    CHECK(index[i] == 30);
    CHECK(butterfly[i] == static_cast<float>(lane ^ 5));
    CHECK(down[i] == (lane % 8 < 4 ? lane + 4 : lane));
  }
}

TEST_CASE("a divergent mma is reported with the lanes that wait") {
  const Report report = launch_block(32, [] {
    float d[4] = {};
    const unsigned a[4] = {};
    const unsigned b[2] = {};
    if (threadIdx.x < 16) {
      ptx::mma_m16n8k16_bf16_f32(d, a, b);
    } else {
      ptx::mma_m16n8k16_f16_f32(d, a, b);
    }
  });
  CHECK(report.has(Fault::divergence));
  CHECK(report.text().find("lanes 0-15 wait in mma.m16n8k16.bf16.f32") != std::string::npos);
}

TEST_CASE("an mma that half of the warp skips is reported") {
  const Report report = launch_block(64, [] {
    float d[4] = {};
    const unsigned a[4] = {};
    const unsigned b[2] = {};
    if (threadIdx.x % 2 == 0 || threadIdx.x < 32) {
      ptx::mma_m16n8k16_bf16_f32(d, a, b);
    }
  });
  CHECK(report.has(Fault::barrier));
}

TEST_CASE("__syncwarp of half a warp needs that half only, and rejects a mask without the caller") {
  CHECK(launch_block(32, [] {
          if (threadIdx.x < 16) {
            __syncwarp(0xffffu);
          }
        }).text() == "");
  CHECK(launch_block(32, [] { __syncwarp(0xffffu); }).has(Fault::divergence));
}

TEST_CASE("a wild pointer is a finding, not a crash") {
  volatile std::uintptr_t address = 64;
  const Report report = launch_block(32, [&] {
    if (threadIdx.x == 5) {
      *reinterpret_cast<volatile int*>(std::uintptr_t{address}) = 1;
    }
  });
  CHECK(report.has(Fault::crash));
  CHECK(launch_block(32, [] { __syncthreads(); }).text() == "");
}

}  // namespace
}  // namespace swiglu::emulator
