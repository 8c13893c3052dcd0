// Memory, then the store, then the compiler: who is asked, and what is kept. NVRTC is the stand-in.
#include <doctest/doctest.h>

#include "kernels/cubins.h"

#include <latch>
#include <thread>
#include <vector>

#include "support/stand_in_driver/stand_in_nvrtc.h"
#include "swiglu/validity.h"
#include "unit/kernels/environment.h"

namespace swiglu {
namespace {

using test::Outcome;
using test::outcome_of;
const test::StandInEnvironment kEnvironment;

constexpr const char* kArch = "sm_90a";

// A configuration of its own for each test: what one leaves in memory or on disk concerns no other.
KernelConfig fresh_config() {
  static int d_model = 1000;
  return {{DType::bf16, Accum::f32, Layout::nk, Pass::forward, d_model += 8, 512, 16},
          Family::mma_sm80,
          {128, 64, 32, 4, 4, 2, 8}};
}

bool on_disk(const KernelConfig& config) { return kernel_store().find(cubin_key(config, kArch)).has_value(); }

TEST_CASE("compiled once, then from memory, and published") {
  stand_in_nvrtc_reset();
  const KernelConfig config = fresh_config();
  const auto first = get_cubin(config, kArch, Policy::compile);
  CHECK(first->origin == Origin::compiled);
  CHECK(first->entry.arch == kArch);
  CHECK(first->entry.registers == 96);
  CHECK(first->entry.shared_bytes == shared_bytes(config));
  CHECK(first->entry.key == cubin_key(config, kArch));
  CHECK(get_cubin(config, kArch, Policy::compile) == first);
  CHECK(stand_in_nvrtc_compiles() == 1);
  const auto stored = kernel_store().find(cubin_key(config, kArch));
  REQUIRE(stored.has_value());
  CHECK(stored->entry.cubin == first->entry.cubin);
}

TEST_CASE("what another process published is taken from the store") {
  stand_in_nvrtc_reset();
  const KernelConfig config = fresh_config();
  const auto compiled = get_cubin(config, kArch, Policy::compile);
  forget_cubin(unit_of(config), kArch, *compiled);
  CHECK_FALSE(on_disk(config));
  REQUIRE(kernel_store().put(compiled->entry));
  const auto found = get_cubin(config, kArch, Policy::compile);
  CHECK(found->origin == Origin::user);
  CHECK(found->entry.cubin == compiled->entry.cubin);
  CHECK(stand_in_nvrtc_compiles() == 1);
}

TEST_CASE("cached_only never compiles") {
  stand_in_nvrtc_reset();
  const KernelConfig config = fresh_config();
  const Outcome missing = outcome_of([&] { get_cubin(config, kArch, Policy::cached_only); });
  CHECK(missing.status == SWIGLU_NOT_CACHED);
  CHECK(missing.says("bf16_f32_"));
  CHECK(missing.says(kArch));
  CHECK(stand_in_nvrtc_compiles() == 0);
  const auto compiled = get_cubin(config, kArch, Policy::compile);
  CHECK(get_cubin(config, kArch, Policy::cached_only) == compiled);
}

TEST_CASE("force compiles again and replaces") {
  stand_in_nvrtc_reset();
  const KernelConfig config = fresh_config();
  const auto first = get_cubin(config, kArch, Policy::compile);
  const auto forced = get_cubin(config, kArch, Policy::force);
  CHECK(forced != first);
  CHECK(forced->origin == Origin::compiled);
  CHECK(stand_in_nvrtc_compiles() == 2);
  CHECK(get_cubin(config, kArch, Policy::compile) == forced);
}

TEST_CASE("nothing is published or remembered of a failed compile") {
  stand_in_nvrtc_reset();
  const KernelConfig config = fresh_config();
  SUBCASE("refused") { stand_in_nvrtc_fail(6, "error: no such thing\n", 1); }
  SUBCASE("no cubin") { stand_in_nvrtc_set_cubin(kStandInEmpty); }
  SUBCASE("a cubin that is no ELF file") { stand_in_nvrtc_set_cubin(kStandInText); }
  SUBCASE("a spill") {
    stand_in_nvrtc_set_log("ptxas . 8 bytes stack frame, 8 bytes spill stores, 16 bytes spill loads\n");
  }
  SUBCASE("an advisory") { stand_in_nvrtc_set_log("ptxas info : (C7510) serialized\n"); }
  const Outcome failed = outcome_of([&] { get_cubin(config, kArch, Policy::compile); });
  CHECK(failed.status == SWIGLU_COMPILE_FAILED);
  CHECK_FALSE(on_disk(config));
  stand_in_nvrtc_reset();
  CHECK(get_cubin(config, kArch, Policy::compile)->origin == Origin::compiled);
}

TEST_CASE("a defect is named with the kernel") {
  stand_in_nvrtc_reset();
  stand_in_nvrtc_set_log("ptxas . 8 bytes stack frame, 8 bytes spill stores, 16 bytes spill loads\n");
  const Outcome failed = outcome_of([] { get_cubin(fresh_config(), kArch, Policy::compile); });
  CHECK(failed.says("24 bytes"));
  CHECK(failed.says("mma_sm80/128x64x32_s4_w4x2_g8"));
}

TEST_CASE("an invalid configuration is refused with the reason") {
  stand_in_nvrtc_reset();
  KernelConfig config = fresh_config();
  config.tile.stages = 1;
  const Outcome refused = outcome_of([&] { get_cubin(config, kArch, Policy::compile); });
  CHECK(refused.status == SWIGLU_NOT_SUPPORTED);
  CHECK(refused.says(why_invalid(config)));
  CHECK(stand_in_nvrtc_compiles() == 0);
}

TEST_CASE("threads that want one kernel compile it once; different kernels compile side by side") {
  stand_in_nvrtc_reset();
  stand_in_nvrtc_set_milliseconds(100);
  constexpr int kThreads = 8;
  const std::vector<KernelConfig> configs = {fresh_config(), fresh_config()};
  std::vector<std::shared_ptr<const Cubin>> cubins(kThreads);
  std::latch start(kThreads);
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      cubins[i] = get_cubin(configs[i % 2], kArch, Policy::compile);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(stand_in_nvrtc_compiles() == 2);
  CHECK(stand_in_nvrtc_most_at_once() == 2);
  for (std::size_t i = 0; i < kThreads; ++i) {
    CHECK(cubins[i] == cubins[i % 2]);
  }
  CHECK(cubins[0] != cubins[1]);
}

}  // namespace
}  // namespace swiglu
