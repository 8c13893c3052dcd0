// Cubins loaded on devices and launched, by the stand-in driver.
#include <doctest/doctest.h>

#include "kernels/kernels.h"

#include <latch>
#include <thread>
#include <vector>

#include <cuda.h>

#include "support/stand_in_driver/stand_in.h"
#include "support/stand_in_driver/stand_in_nvrtc.h"
#include "unit/kernels/environment.h"

namespace swiglu {
namespace {

using test::Outcome;
using test::outcome_of;
const test::StandInEnvironment kEnvironment;

KernelConfig fresh_config() {
  static int d_model = 100000;
  return {{DType::bf16, Accum::f32, Layout::nk, Pass::forward, d_model += 8, 512, 16},
          Family::mma_sm80,
          {128, 64, 64, 4, 4, 2, 8}};
}

void reset() {
  stand_in_reset();
  stand_in_nvrtc_reset();
  stand_in_set_current_context(nullptr);
}

TEST_CASE("a kernel of the backward pass: a grid for every split of the tokens, and none that is too large") {
  reset();
  const Device& device = Device::get(0);
  KernelConfig config = fresh_config();
  config.problem.pass = Pass::dw;
  config.problem.d_model = 256;
  const auto kernel = get_kernel(config, device, Policy::compile);
  void* const stream = stand_in_make_stream(device.context());
  const CurrentContext current(device);
  BackwardParams params{};
  params.m = 1000;
  params.splits = 5;
  kernel->check(params);
  kernel->launch(params, stream);
  StandInLaunch launch{};
  REQUIRE(stand_in_launch(0, &launch));
  CHECK(launch.grid[0] == 5 * 2 * 8);  // 256 rows in tiles of 128, 512 columns in tiles of 64
  params.splits = 1 << 30;
  CHECK(outcome_of([&] { kernel->check(params); }).status == SWIGLU_NOT_SUPPORTED);
  CHECK(outcome_of([&] { kernel->launch(params, stream); }).status == SWIGLU_NOT_SUPPORTED);
  CHECK(stand_in_launch_count() == 1);
}

TEST_CASE("a kernel is loaded once and launched with its shape") {
  reset();
  const Device& device = Device::get(0);
  const KernelConfig config = fresh_config();
  REQUIRE(shared_bytes(config) > 48 * 1024);  // must be asked for, or the stand-in refuses the launch
  const auto kernel = get_kernel(config, device, Policy::compile);
  CHECK(kernel->config() == config);
  CHECK(get_kernel(config, device, Policy::compile) == kernel);
  CHECK(get_kernel(config, device, Policy::cached_only) == kernel);
  CHECK(stand_in_calls("cuLibraryLoadData") == 1);
  CHECK(stand_in_calls("cuFuncSetAttribute") == 1);
  CHECK(stand_in_calls("cuFuncLoad") == 1);  // nothing is left to load lazily at the first launch
  CHECK(stand_in_current_context() == nullptr);
  void* const stream = stand_in_make_stream(device.context());
  const CurrentContext current(device);
  ForwardParams params{};
  params.m = 300;
  const uint64_t before = stand_in_calls(nullptr);
  kernel->launch(params, stream);
  CHECK(stand_in_calls(nullptr) == before + 1);
  StandInLaunch launch{};
  REQUIRE(stand_in_launch(0, &launch));
  CHECK(launch.grid[0] == 3 * 8);  // 300 rows in tiles of 128, 512 columns in tiles of 64
  CHECK(launch.block[0] == 256);
  CHECK(launch.shared_bytes == static_cast<unsigned>(shared_bytes(config)));
  CHECK(launch.stream == stream);
}

TEST_CASE("blocks that share what they load are launched in whole clusters, and others by themselves") {
  reset();
  const Device& device = Device::get(0);
  REQUIRE(device.spec().multiprocessors == 132);
  KernelConfig config = fresh_config();
  config.problem.d_intermediate = 134 * 112;
  config.family = Family::wgmma_sm90;
  config.tile = {256, 112, 64, 3, 8, 1, 12};
  const auto kernel = get_kernel(config, device, Policy::compile);
  const CurrentContext current(device);
  const auto launched = [&](int number, long long m) {
    ForwardParams params{};
    params.m = m;
    params.ld_x = config.problem.d_model;
    params.ld_w_gate = params.ld_w_up = config.problem.d_model;
    params.ld_out = config.problem.d_intermediate;
    kernel->launch(params, nullptr);
    StandInLaunch launch{};
    REQUIRE(stand_in_launch(number, &launch));
    return launch;
  };
  const StandInLaunch shared = launched(0, 256);
  CHECK(shared.cluster == 2);
  CHECK(shared.grid[0] == 132);
  CHECK(shared.block[0] == 256);
  const StandInLaunch apart = launched(1, 257);
  CHECK(apart.cluster == 1);
  CHECK(apart.grid[0] == 132);
}

TEST_CASE("each device gets its own function; those of one architecture share the cubin") {
  reset();
  const KernelConfig config = fresh_config();
  std::vector<void*> functions;
  for (const int ordinal : {0, 1, 2}) {
    const Device& device = Device::get(ordinal);
    const auto kernel = get_kernel(config, device, Policy::compile);
    const CurrentContext current(device);
    ForwardParams params{};
    params.m = 1;
    kernel->launch(params, nullptr);
    StandInLaunch launch{};
    REQUIRE(stand_in_launch(static_cast<int>(functions.size()), &launch));
    CHECK(launch.device == ordinal);
    functions.push_back(launch.function);
  }
  CHECK(functions[0] != functions[1]);
  CHECK(stand_in_nvrtc_compiles() == 2);  // sm_90a for devices 0 and 1, sm_80 for 2
}

TEST_CASE("loading leaves captures valid and the thread's mode as it was") {
  reset();
  const Device& device = Device::get(0);
  void* const stream = stand_in_make_stream(device.context());
  stand_in_begin_capture(stream);
  get_kernel(fresh_config(), device, Policy::compile);
  CHECK(stand_in_end_capture(stream));
  CHECK(stand_in_capture_mode() == CU_STREAM_CAPTURE_MODE_GLOBAL);
}

// Compiles a configuration and leaves it on disk alone, as an earlier process would have.
void leave_on_disk(const KernelConfig& config) {
  const auto cubin = get_cubin(config, "sm_90a", Policy::compile);
  forget_cubin(unit_of(config), "sm_90a", *cubin);
  REQUIRE(kernel_store().put(cubin->entry));
}

TEST_CASE("a cached cubin that the driver rejects is compiled again, once") {
  reset();
  const Device& device = Device::get(0);
  const KernelConfig config = fresh_config();
  leave_on_disk(config);
  const uint64_t compiles = stand_in_nvrtc_compiles();
  SUBCASE("as damaged") { stand_in_fail("cuLibraryLoadData", CUDA_ERROR_INVALID_IMAGE, 0, 1); }
  SUBCASE("as of another GPU, found when the function is bound") {
    stand_in_fail("cuKernelGetFunction", CUDA_ERROR_NO_BINARY_FOR_GPU, 0, 1);
  }
  const auto kernel = get_kernel(config, device, Policy::compile);
  CHECK(kernel->cubin().origin == Origin::compiled);
  CHECK(stand_in_nvrtc_compiles() == compiles + 1);
  CHECK(kernel_store().find(cubin_key(config, "sm_90a")).has_value());
}

TEST_CASE("a fresh cubin that the driver rejects is an error that names both versions") {
  reset();
  const Device& device = Device::get(0);
  const KernelConfig config = fresh_config();
  stand_in_fail("cuLibraryLoadData", CUDA_ERROR_INVALID_IMAGE, 0, 2);
  const Outcome rejected = outcome_of([&] { get_kernel(config, device, Policy::compile); });
  CHECK(rejected.status == SWIGLU_CUDA_ERROR);
  CHECK(rejected.says("CUDA 13.0"));
  CHECK(rejected.says("CUDA_ERROR_INVALID_IMAGE"));
  CHECK(stand_in_nvrtc_compiles() == 1);  // trying again could not help
  CHECK(stand_in_calls("cuLibraryLoadData") == 1);
}

TEST_CASE("cached_only does not compile in place of a rejected cubin") {
  reset();
  const Device& device = Device::get(0);
  const KernelConfig config = fresh_config();
  leave_on_disk(config);
  const uint64_t compiles = stand_in_nvrtc_compiles();
  stand_in_fail("cuLibraryLoadData", CUDA_ERROR_INVALID_IMAGE, 0, 1);
  CHECK(outcome_of([&] { get_kernel(config, device, Policy::cached_only); }).status == SWIGLU_NOT_CACHED);
  CHECK(stand_in_nvrtc_compiles() == compiles);
}

TEST_CASE("other failures to load are told, leave nothing behind, and may be tried again") {
  reset();
  const Device& device = Device::get(0);
  const KernelConfig config = fresh_config();
  const int libraries = stand_in_libraries();
  const auto get = [&] { get_kernel(config, device, Policy::compile); };
  stand_in_fail("cuLibraryLoadData", CUDA_ERROR_OUT_OF_MEMORY, 0, 1);
  CHECK(outcome_of(get).status == SWIGLU_OUT_OF_MEMORY);
  stand_in_fail("cuFuncSetAttribute", CUDA_ERROR_INVALID_VALUE, 0, 1);
  CHECK(outcome_of(get).status == SWIGLU_CUDA_ERROR);
  CHECK(stand_in_libraries() == libraries);
  CHECK(stand_in_context_depth() == 0);
  CHECK(stand_in_capture_mode() == CU_STREAM_CAPTURE_MODE_GLOBAL);
  CHECK(outcome_of(get).status == SWIGLU_OK);
}

TEST_CASE("more rows than a grid has blocks are refused before the driver is asked") {
  reset();
  const Device& device = Device::get(0);
  const auto kernel = get_kernel(fresh_config(), device, Policy::compile);
  const CurrentContext current(device);
  ForwardParams params{};
  params.m = (std::int64_t{1} << 31) * 128 / 8;  // 2^28 rows of 8 tiles: one block too many
  const Outcome refused = outcome_of([&] { kernel->launch(params, nullptr); });
  CHECK(refused.status == SWIGLU_NOT_SUPPORTED);
  CHECK(refused.says("2147483648"));
  CHECK(stand_in_launch_count() == 0);
  params.m -= 128;
  CHECK(outcome_of([&] { kernel->launch(params, nullptr); }).status == SWIGLU_OK);
}

TEST_CASE("threads that want one kernel load it once") {
  reset();
  const Device& device = Device::get(0);
  const KernelConfig config = fresh_config();
  stand_in_nvrtc_set_milliseconds(50);
  constexpr int kThreads = 8;
  std::vector<std::shared_ptr<const Kernel>> kernels(kThreads);
  std::latch start(kThreads);
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      kernels[i] = get_kernel(config, device, Policy::compile);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(stand_in_nvrtc_compiles() == 1);
  CHECK(stand_in_calls("cuLibraryLoadData") == 1);
  for (const auto& kernel : kernels) {
    CHECK(kernel == kernels[0]);
  }
}

}  // namespace
}  // namespace swiglu
