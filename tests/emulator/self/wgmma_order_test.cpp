// What must stand around wgmma: fences, commits, waits, proxies, hand-overs; each mistake is found.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/numeric.h"
#include "engine/launch.h"
#include "operations/tensor_map.h"
#include "ptx/mbarrier.cuh"
#include "ptx/memory.cuh"
#include "ptx/named_barrier.cuh"
#include "ptx/shared.cuh"
#include "ptx/tma.cuh"
#include "ptx/wgmma.cuh"
#include "self/operand_layouts.h"

namespace swiglu::emulator {
namespace {

constexpr unsigned kN = 16;
constexpr OperandLayout kA{true, 128, 64};
constexpr OperandLayout kB{true, 128, kN};
constexpr unsigned kBStart = 64 * 128;
constexpr unsigned kStageBytes = kBStart + 2048;
using Instruction = ptx::Wgmma<DType::bf16, false, kN>;

unsigned at(unsigned offset) { return ptx::shared_address(ptx::dynamic_shared()) + offset; }

Report launch_block(unsigned threads, const std::function<void()>& kernel, bool reverse = false) {
  GlobalMemory global;
  LaunchShape shape{{1, 1, 1}, {threads, 1, 1}, 65536};
  shape.reverse = reverse;
  return launch(shape, global, kernel);
}

void fill(unsigned bytes = kStageBytes) {
  for (unsigned i = threadIdx.x; i < bytes / 16; i += blockDim.x) {
    ptx::store_shared<16>(at(i * 16), {{0x3f803f80u, 0x3f803f80u, 0x3f803f80u, 0x3f803f80u}});  // ones
  }
}

void multiply(float (&d)[kN / 2], unsigned step, bool add, const Location& where = Location::current()) {
  Instruction::multiply<false, false>(d, kA.descriptor(at(0), step), kB.descriptor(at(kBStart), step), add, where);
}

struct Mistake {
  bool proxy_fence = true;
  bool barrier = true;
  bool fence = true;
  bool commit = true;
  bool wait = true;
  bool read_early = false;
  bool write_early = false;
  bool touch_after_fence = false;
  bool second_fence = true;
  bool touch_between = false;
};

// Ones times ones, twice.
void kernel(const Mistake& mistake, std::vector<float>& result) {
  fill();
  if (mistake.proxy_fence) {
    ptx::fence_proxy_async();
  }
  if (mistake.barrier) {
    __syncthreads();
  }
  float d[kN / 2] = {};
  if (mistake.fence) {
    ptx::wgmma_fence();
  }
  if (mistake.touch_after_fence) {
    multiply(d, 0, true);
    ptx::wgmma_commit();
    ptx::wgmma_wait<0>();
    ptx::wgmma_fence();
    d[3] = 1.0F;
  }
  multiply(d, 0, true);
  if (mistake.commit) {
    ptx::wgmma_commit();
  }
  float early = 0;
  if (mistake.read_early) {
    early = d[2];
  }
  if (mistake.write_early) {
    d[1] = 0;
  }
  if (mistake.wait) {
    ptx::wgmma_wait<0>();
  }
  if (mistake.touch_between) {
    d[0] += 1.0F;
  }
  if (mistake.second_fence) {
    ptx::wgmma_fence();
  }
  multiply(d, 1, true);
  ptx::wgmma_commit();
  ptx::wgmma_wait<0>();
  result[threadIdx.x] = d[2] + early;
}

Report run(const Mistake& mistake, std::vector<float>& result, bool reverse = false) {
  result.assign(128, 0.0F);
  return launch_block(
      128, [&] { kernel(mistake, result); }, reverse);
}

TEST_CASE("wgmma: fences, commits and waits are demanded, and early use of accumulators is found") {
  std::vector<float> result;
  for (const bool reverse : {false, true}) {
    CHECK(run({}, result, reverse).text() == "");
    CHECK(result == std::vector<float>(128, 32.0F));
    CHECK(run({.touch_between = true}, result, reverse).text() == "");

    CHECK(run({.proxy_fence = false}, result, reverse).has(Fault::proxy));
    CHECK(run({.barrier = false}, result, reverse).has(Fault::race));
    CHECK(run({.fence = false}, result, reverse).has(Fault::registers));
    CHECK(run({.second_fence = false}, result, reverse).has(Fault::registers));
    CHECK(run({.touch_after_fence = true}, result, reverse).has(Fault::registers));
    const Report early = run({.read_early = true}, result, reverse);
    CHECK(early.has(Fault::in_flight));
    CHECK(early.text().find("reads an accumulator in flight") != std::string::npos);
    CHECK(std::isnan(result[77]));
    const Report overwritten = run({.write_early = true}, result, reverse);
    CHECK(overwritten.has(Fault::in_flight));
    CHECK(overwritten.has(Fault::registers));
  }
}

TEST_CASE("wgmma: registers keep poison until their group is waited for") {
  for (const bool wait : {true, false}) {
    std::vector<float> first(128);
    std::vector<float> second(128);
    const Report report = launch_block(128, [&] {
      fill();
      ptx::fence_proxy_async();
      __syncthreads();
      float d[kN / 2];
      float e[kN / 2];
      ptx::wgmma_fence();
      multiply(d, 0, false);
      ptx::wgmma_commit();
      multiply(e, 1, false);
      ptx::wgmma_commit();
      ptx::wgmma_wait<1>();
      first[threadIdx.x] = d[0];
      if (wait) {
        ptx::wgmma_wait<0>();
      }
      second[threadIdx.x] = e[0];
    });
    CHECK(first == std::vector<float>(128, 16.0F));
    if (wait) {
      CHECK(report.text() == "");
      CHECK(second == std::vector<float>(128, 16.0F));
    } else {
      CHECK(report.has(Fault::in_flight));
      CHECK(report.text().find("owes wgmma_wait() of 1 groups") != std::string::npos);
      CHECK(std::isnan(second[5]));
    }
  }
  std::vector<float> ignored;
  CHECK(run({.commit = false, .wait = false}, ignored).text() == "");  // two instructions, one group
  const Report uncommitted = launch_block(128, [&] {
    fill();
    ptx::fence_proxy_async();
    __syncthreads();
    float d[kN / 2];
    ptx::wgmma_fence();
    multiply(d, 0, false);
    ptx::wgmma_wait<0>();
  });
  CHECK(uncommitted.has(Fault::in_flight));
  CHECK(uncommitted.text().find("owes wgmma_commit()") != std::string::npos);
}

TEST_CASE("wgmma: instructions of other shapes may not follow on registers in flight") {
  const auto kernel = [](bool wait) {
    fill();
    ptx::fence_proxy_async();
    __syncthreads();
    union {  // the same registers as one wide and one narrow accumulator
      float wide[16];
      float narrow[8];
    } d;
    ptx::wgmma_fence();
    ptx::Wgmma<DType::bf16, false, 32>::multiply<false, false>(d.wide, kA.descriptor(at(0), 0), kA.descriptor(at(0), 0),
                                                               false);
    if (wait) {
      ptx::wgmma_commit();
      ptx::wgmma_wait<0>();
      ptx::wgmma_fence();
    }
    multiply(d.narrow, 0, true);
    ptx::wgmma_commit();
    ptx::wgmma_wait<0>();
  };
  CHECK(launch_block(128, [&] { kernel(true); }).text() == "");
  CHECK(launch_block(128, [&] { kernel(false); }).has(Fault::registers));
}

TEST_CASE("wgmma: the four warps execute the same") {
  const auto kernel = [](const std::function<void(float(&)[kN / 2])>& issue) {
    fill(2 * kStageBytes);
    ptx::fence_proxy_async();
    __syncthreads();
    float d[kN / 2] = {};
    ptx::wgmma_fence();
    issue(d);
    ptx::wgmma_commit();
    ptx::wgmma_wait<0>();
  };
  const Location here = Location::current();
  const unsigned odd_warp = 96;
  CHECK(launch_block(128, [&] { kernel([&](auto& d) { multiply(d, 0, true, here); }); }).text() == "");
  CHECK(launch_block(128, [&] {
          kernel([&](auto& d) { multiply(d, threadIdx.x / odd_warp, true, here); });
        }).has(Fault::divergence));
  CHECK(launch_block(128, [&] {
          kernel([&](auto& d) { multiply(d, 0, threadIdx.x < odd_warp, here); });
        }).has(Fault::divergence));
  CHECK(launch_block(128, [&] {
          kernel([&](auto& d) { threadIdx.x < odd_warp ? multiply(d, 0, true) : multiply(d, 0, true, here); });
        }).has(Fault::divergence));
  const Report missing = launch_block(128, [&] {
    kernel([&](auto& d) {
      if (threadIdx.x < odd_warp) {
        multiply(d, 0, true, here);
      }
    });
  });
  CHECK(missing.has(Fault::barrier));
  CHECK(missing.text().find("threads 0-95 wait in wgmma") != std::string::npos);
  CHECK(launch_block(96, [&] { kernel([&](auto& d) { multiply(d, 0, true, here); }); }).has(Fault::divergence));
}

TEST_CASE("wgmma: descriptors that describe nothing") {
  const auto kernel = [](unsigned long long bits, unsigned long long extra) {
    fill();
    ptx::fence_proxy_async();
    __syncthreads();
    float d[kN / 2] = {};
    ptx::wgmma_fence();
    Instruction::multiply<false, false>(d, (kA.descriptor(at(0), 0) ^ bits) + extra, kB.descriptor(at(kBStart), 0),
                                        true);
    ptx::wgmma_commit();
    ptx::wgmma_wait<0>();
  };
  const auto run_with = [&](unsigned long long bits, unsigned long long extra) {
    return launch_block(128, [&] { kernel(bits, extra); });
  };
  CHECK(run_with(0, 0).text() == "");
  CHECK(run_with(1ull << 49, 0).has(Fault::object));         // base offset
  CHECK(run_with(1ull << 14, 0).has(Fault::object));         // reserved
  CHECK(run_with(0, 128 >> 4).has(Fault::object));           // the second row of the pattern
  CHECK(run_with(0, (128 * 1024) >> 4).has(Fault::bounds));  // beyond the block's memory
  CHECK(run_with(0, kStageBytes >> 4).has(Fault::uninitialised));
}

struct RingMistake {
  bool arrive_before_wait = false;
  bool wait_full = true;
  bool only_first_warp_waits_full = false;
  bool wait_empty = true;
  bool store_over = false;
};

constexpr unsigned kFull = 4 * kStageBytes;
constexpr unsigned kEmpty = kFull + 32;
constexpr unsigned kStages = 2;
constexpr unsigned kTiles = 5;
constexpr unsigned kConsumers = 2;

void produce(const RingMistake& mistake, const TensorMap& a_map, const TensorMap& b_map) {
  for (unsigned tile = 0; tile < kTiles; ++tile) {
    const unsigned stage = tile % kStages;
    const unsigned start = at(stage * kStageBytes);
    if (mistake.wait_empty) {
      ptx::mbarrier_wait(at(kEmpty + 8 * stage), tile / kStages % 2 ^ 1);
    }
    ptx::mbarrier_arrive_expect(at(kFull + 8 * stage), kStageBytes);
    ptx::tma_load(start, a_map, 0, 0, at(kFull + 8 * stage));
    ptx::tma_load(start + kBStart, b_map, static_cast<int>(tile) * 64, 0, at(kFull + 8 * stage));
  }
}

// One instruction group stays in flight while the next tile is awaited.
void consume(const RingMistake& mistake, float (&d)[kN / 2]) {
  const auto release = [&](unsigned tile) {
    if (threadIdx.x % 128 == 0) {
      ptx::mbarrier_arrive(at(kEmpty + 8 * (tile % kStages)));
    }
  };
  for (unsigned tile = 0; tile < kTiles; ++tile) {
    const unsigned stage = tile % kStages;
    const unsigned start = at(stage * kStageBytes);
    if (mistake.wait_full && (threadIdx.x % 128 < 32 || !mistake.only_first_warp_waits_full)) {
      ptx::mbarrier_wait(at(kFull + 8 * stage), tile / kStages % 2);
    }
    ptx::wgmma_fence();
    for (unsigned step = 0; step < 4; ++step) {
      Instruction::multiply<false, false>(d, kA.descriptor(start, step), kB.descriptor(start + kBStart, step),
                                          tile + step > 0);
    }
    ptx::wgmma_commit();
    if (mistake.arrive_before_wait) {
      release(tile);
    }
    if (mistake.store_over && threadIdx.x == 200) {
      ptx::store_shared<4>(start, {});
    }
    ptx::wgmma_wait<1>();
    if (tile > 0 && !mistake.arrive_before_wait) {
      release(tile - 1);
    }
  }
  ptx::wgmma_wait<0>();
}

// Operands of ones by TMA, two warpgroups multiply.
Report ring(const RingMistake& mistake, std::vector<float>& result, bool reverse) {
  GlobalMemory global;
  const auto ones = [&](const char* name, std::size_t rows, std::size_t columns) {
    unsigned char* base = global.add({name, Role::input, rows, columns * 2, columns * 2, 16});
    const std::uint16_t one = float_to_bf16(1.0F);
    for (std::size_t i = 0; i < rows * columns; ++i) {
      std::memcpy(base + 2 * i, &one, 2);
    }
    return make_tensor_map(base, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns),
                           static_cast<std::int64_t>(columns * 2), static_cast<int>(rows), 64, 128);
  };
  const TensorMap a_map = ones("a", 64, 64);
  const TensorMap b_map = ones("b", kN, kTiles * 64);
  result.assign(std::size_t{128} * (kConsumers + 1), 0.0F);
  LaunchShape shape{{1, 1, 1}, {128 * (kConsumers + 1), 1, 1}, 65536};
  shape.reverse = reverse;
  return launch(shape, global, [&] {
    if (threadIdx.x == 0) {
      for (unsigned stage = 0; stage < kStages; ++stage) {
        ptx::mbarrier_init(at(kFull + 8 * stage), 1);
        ptx::mbarrier_init(at(kEmpty + 8 * stage), kConsumers);
      }
      ptx::mbarrier_fence_init();
    }
    __syncthreads();
    if (threadIdx.x == 2 * 128) {
      produce(mistake, a_map, b_map);
    } else if (threadIdx.x < 2 * 128) {
      float d[kN / 2];
      consume(mistake, d);
      result[threadIdx.x] = d[5];
    }
  });
}

TEST_CASE("wgmma: a ring that the tensor cores read") {
  std::vector<float> result;
  for (const bool reverse : {false, true}) {
    const Report report = ring({}, result, reverse);
    CHECK(report.text() == "");
    CHECK(report.counters.wgmma == std::uint64_t{kConsumers} * kTiles * 4);
    CHECK(result[130] == 64.0F * kTiles);
    const Report early = ring({.arrive_before_wait = true}, result, reverse);
    CHECK(early.has(Fault::race));
    CHECK(early.text().find("reads, and nobody has waited for that and handed over, in wgmma's") != std::string::npos);
    CHECK_FALSE(ring({.wait_full = false}, result, reverse).clean());
    const Report one_warp = ring({.only_first_warp_waits_full = true}, result, reverse);
    CHECK((one_warp.has(Fault::race) || one_warp.has(Fault::in_flight)));
    CHECK_FALSE(ring({.wait_empty = false}, result, reverse).clean());
    CHECK(ring({.store_over = true}, result, reverse).has(Fault::race));
  }
}

TEST_CASE("wgmma: a barrier of the block does not end what nobody waited for") {
  const auto kernel = [](bool wait_first) {
    fill();
    ptx::fence_proxy_async();
    __syncthreads();
    float d[kN / 2];
    ptx::wgmma_fence();
    multiply(d, 0, false);
    ptx::wgmma_commit();
    if (wait_first) {
      ptx::wgmma_wait<0>();
    }
    __syncthreads();
    if (threadIdx.x == 100) {
      ptx::store_shared<4>(at(0), {});
    }
    ptx::wgmma_wait<0>();
  };
  CHECK(launch_block(128, [&] { kernel(true); }).text() == "");
  CHECK(launch_block(128, [&] { kernel(false); }).has(Fault::race));
}

}  // namespace
}  // namespace swiglu::emulator
