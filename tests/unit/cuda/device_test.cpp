// Devices, the current context, launches and what is said when they fail.
#include <doctest/doctest.h>

#include "cuda/device.h"

#include <array>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "cuda/driver.h"
#include "cuda/handles.h"
#include "cuda/launch.h"
#include "support/stand_in_driver/stand_in.h"
#include "swiglu/params.h"
#include "unit/cuda/environment.h"

namespace swiglu {
namespace {

using test::Outcome;
using test::outcome_of;
const test::StandInEnvironment kEnvironment;

// The smallest image that the stand-in loads.
std::vector<char> image() {
  std::vector<char> bytes(128, '\0');
  std::memcpy(bytes.data(), "\177ELF", 4);
  std::strcpy(bytes.data() + 64, "swiglu_kernel");
  const std::uint64_t size = bytes.size();
  std::memcpy(bytes.data() + 40, &size, sizeof size);
  return bytes;
}

struct Loaded {
  LibraryHandle library;
  CUfunction function = nullptr;
};

Loaded load_on(const Device& device) {
  const CurrentContext current(device);
  CUlibrary library = nullptr;
  CUkernel kernel = nullptr;
  Loaded loaded;
  check(driver().library_load_data(&library, image().data(), nullptr, nullptr, 0, nullptr, nullptr, 0), "loading");
  loaded.library = LibraryHandle(library);
  check(driver().library_get_kernel(&kernel, library, "swiglu_kernel"), "finding");
  check(driver().kernel_get_function(&loaded.function, kernel), "binding");
  return loaded;
}

TEST_CASE("Device::get reads what the driver tells") {
  stand_in_reset();
  REQUIRE(Device::count() == 4);
  const Device& device = Device::get(0);
  CHECK(device.ordinal() == 0);
  CHECK(device.spec().name == "Stand-in GPU 90");
  CHECK(device.spec().compute_capability == 90);
  CHECK(device.spec().multiprocessors == 132);
  CHECK(device.spec().shared_bytes_per_block == 232448);
  CHECK(device.spec().shared_bytes_per_multiprocessor == 233472);
  CHECK(device.spec().registers_per_multiprocessor == 65536);
  CHECK(device.spec().memory_bytes_per_second == doctest::Approx(2 * 3201e6 * 6144 / 8));
  CHECK(device.spec().dense_flops_per_second > 1e14);
  CHECK(std::string(device.arch().name) == "sm_90a");
  CHECK(device.context() == stand_in_primary_context(0));
  CHECK(&Device::get(0) == &device);
  CHECK(&Device::get(1) != &device);
  CHECK(std::string(Device::get(2).arch().name) == "sm_80");
}

TEST_CASE("a primary context is retained once, when it is first asked for, and the current one left alone") {
  stand_in_reset();
  stand_in_set_current_context(nullptr);
  const Device& device = Device::get(1);
  CHECK(stand_in_primary_retains(1) == 0);
  stand_in_fail("cuDevicePrimaryCtxRetain", CUDA_ERROR_OUT_OF_MEMORY, 0, 1);
  CHECK(outcome_of([&] { device.context(); }).status == SWIGLU_OUT_OF_MEMORY);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] { device.context(); });
    }
  }
  CHECK(device.context() == stand_in_primary_context(1));
  CHECK(stand_in_primary_retains(1) == 1);
  CHECK(stand_in_current_context() == nullptr);
}

TEST_CASE("Device::get says why not") {
  stand_in_reset();
  for (const int ordinal : {-1, 4, 1000}) {
    const Outcome missing = outcome_of([&] { Device::get(ordinal); });
    CHECK(missing.status == SWIGLU_NO_DEVICE);
    CHECK(missing.says("there are 4 CUDA devices"));
  }
  const Outcome old = outcome_of([] { Device::get(3); });
  CHECK(old.status == SWIGLU_NOT_SUPPORTED);
  CHECK(old.says("7.0"));
  CHECK(old.says("7.5"));
  stand_in_fail("cuDeviceGetAttribute", CUDA_ERROR_UNKNOWN, 0, 1);
  CHECK(outcome_of([] { Device::get(3); }).status == SWIGLU_CUDA_ERROR);
}

TEST_CASE("CurrentContext restores what was current") {
  stand_in_reset();
  const Device& device = Device::get(0);
  SUBCASE("nothing") {
    stand_in_set_current_context(nullptr);
    {
      const CurrentContext current(device);
      CHECK(stand_in_current_context() == device.context());
    }
    CHECK(stand_in_context_depth() == 0);
  }
  SUBCASE("another device's") {
    stand_in_set_current_context(stand_in_primary_context(2));
    {
      const CurrentContext current(device);
      CHECK(stand_in_current_context() == device.context());
    }
    CHECK(stand_in_current_context() == stand_in_primary_context(2));
    CHECK(stand_in_context_depth() == 1);
  }
  SUBCASE("the device's own: nothing is pushed") {
    stand_in_set_current_context(device.context());
    const uint64_t before = stand_in_calls(nullptr);
    { const CurrentContext current(device); }
    CHECK(stand_in_calls("cuCtxPushCurrent") == 0);
    CHECK(stand_in_calls("cuCtxPopCurrent") == 0);
    CHECK(stand_in_calls(nullptr) == before + 1);  // cuCtxGetCurrent
  }
  stand_in_set_current_context(nullptr);
}

TEST_CASE("launch makes one call with the shape and the parameters") {
  stand_in_reset();
  const Device& device = Device::get(0);
  const Loaded loaded = load_on(device);
  void* const stream = stand_in_make_stream(device.context());
  const CurrentContext current(device);
  ForwardParams params{};
  params.m = 77;
  params.ld_u = 99;
  const uint64_t before = stand_in_calls(nullptr);
  launch(loaded.function, {12, 256, 1000}, &params, static_cast<CUstream>(stream), device);
  CHECK(stand_in_calls(nullptr) - before == 1);
  StandInLaunch seen{};
  REQUIRE(stand_in_launch(0, &seen));
  CHECK(seen.device == 0);
  CHECK(seen.stream == stream);
  CHECK(seen.function == loaded.function);
  CHECK(seen.grid[0] == 12);
  CHECK(seen.grid[1] * seen.grid[2] == 1);
  CHECK(seen.block[0] == 256);
  CHECK(seen.shared_bytes == 1000);
  CHECK(std::memcmp(seen.params, &params, sizeof params) == 0);
}

TEST_CASE("a failed launch is blamed on the stream where it is the stream's fault") {
  stand_in_reset();
  const Device& device = Device::get(0);
  const Loaded loaded = load_on(device);
  const CurrentContext current(device);
  const ForwardParams params{};
  const auto launch_on = [&](void* stream) {
    return outcome_of([&] { launch(loaded.function, {1, 32, 0}, &params, static_cast<CUstream>(stream), device); });
  };
  const Outcome elsewhere = launch_on(stand_in_make_stream(stand_in_primary_context(1)));
  CHECK(elsewhere.status == SWIGLU_INVALID_ARGUMENT);
  CHECK(elsewhere.says("device 0"));
  CHECK(elsewhere.says("device 1"));
  const Outcome secondary = launch_on(stand_in_make_stream(stand_in_make_context(0)));
  CHECK(secondary.status == SWIGLU_INVALID_ARGUMENT);
  CHECK(secondary.says("primary"));
  int not_a_stream = 0;
  const Outcome unknown = launch_on(&not_a_stream);
  CHECK(unknown.status == SWIGLU_INVALID_ARGUMENT);
  CHECK(unknown.says("none that the driver knows"));
  CHECK(stand_in_launch_count() == 0);
  CHECK(stand_in_current_context() == device.context());
  CHECK(launch_on(nullptr).status == SWIGLU_OK);
}

TEST_CASE("other launch failures are the driver's words") {
  stand_in_reset();
  const Device& device = Device::get(0);
  const Loaded loaded = load_on(device);
  const CurrentContext current(device);
  const ForwardParams params{};
  stand_in_fail("cuLaunchKernelEx", CUDA_ERROR_ILLEGAL_ADDRESS, 0, 1);
  void* const stream = stand_in_make_stream(device.context());
  const auto go = [&](unsigned block) {
    launch(loaded.function, {1, block, 0}, &params, static_cast<CUstream>(stream), device);
  };
  const Outcome illegal = outcome_of([&] { go(32); });
  CHECK(illegal.status == SWIGLU_CUDA_ERROR);
  CHECK(illegal.says("CUDA_ERROR_ILLEGAL_ADDRESS (700): an illegal memory access was encountered"));
  CHECK(outcome_of([&] { go(2048); }).status == SWIGLU_CUDA_ERROR);  // INVALID_VALUE on a good stream
}

TEST_CASE("is_capturing tells, also of a capture that is spoiled") {
  stand_in_reset();
  const Device& device = Device::get(0);
  void* const stream = stand_in_make_stream(device.context());
  auto* const handle = static_cast<CUstream>(stream);
  CHECK_FALSE(is_capturing(handle, device));
  stand_in_begin_capture(stream);
  CHECK(is_capturing(handle, device));
  CHECK(stand_in_end_capture(stream));
  stand_in_fail("cuStreamIsCapturing", CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, 0, 1);
  CHECK(is_capturing(nullptr, device));
  int not_a_stream = 0;
  const auto ask = [&] { is_capturing(reinterpret_cast<CUstream>(&not_a_stream), device); };
  CHECK(outcome_of(ask).status == SWIGLU_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace swiglu
