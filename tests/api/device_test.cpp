// Plans on stand-in devices: which device and context is used, what the caller finds afterwards, errors of the driver.
#include "api/device_environment.h"

#include <cstring>
#include <filesystem>
#include <set>
#include <string>
#include <thread>

namespace swiglu_test {
namespace {

// Before the library reads the environment, which it does once, at its first use.
const bool kEnvironment = [] {
  static const ScratchDirectory cache;
  setenv("SWIGLU_CUDA_LIBRARY", STAND_IN_CUDA_LIBRARY, 1);
  // Those that are started as other machines (machine.h) are told theirs.
  const auto set = [](const char* name, const char* told_by, const char* otherwise) {
    const char* told = std::getenv(told_by);
    setenv(name, told != nullptr ? told : otherwise, 1);
  };
  set("SWIGLU_NVRTC_LIBRARY", "SWIGLU_TEST_NVRTC", STAND_IN_NVRTC_LIBRARY);
  set("SWIGLU_CACHE_DIR", "SWIGLU_TEST_CACHE", cache.path().c_str());
  set("SWIGLU_CACHE_PATH", "SWIGLU_TEST_CACHE_PATH", "");
  set("SWIGLU_CPU_THREADS", "SWIGLU_TEST_CPU_THREADS", std::to_string(kCpuThreads).c_str());
  setenv("SWIGLU_LOG", "off", 1);
  unsetenv("SWIGLU_TILE");
  return true;
}();

TEST_CASE_FIXTURE(StandIns, "on sm_90a execute launches a block a multiprocessor with tensor maps of the operands") {
  const PlanPointer plan = make_plan(desc);
  void* const stream = stream_of(0);
  const swiglu_forward_args args = buffers.args(100);
  REQUIRE_MESSAGE(swiglu_execute(plan.get(), &args, stream) == SWIGLU_OK, last_error());
  REQUIRE(stand_in_launch_count() == 1);
  const StandInLaunch recorded = launch(0);
  CHECK(recorded.stream == stream);
  CHECK(recorded.context == stand_in_primary_context(0));
  CHECK(recorded.block[0] == 384);
  CHECK(recorded.grid[0] >= 1);
  CHECK(recorded.grid[0] <= 132);
  CHECK(stand_in_calls("cuTensorMapEncodeTiled") == 4);
  struct {
    const void* base;
    std::uint64_t columns;
    std::uint64_t rows;
    std::uint64_t pitch_bytes;
  } x;
  std::memcpy(&x, recorded.params, sizeof x);
  CHECK(x.base == args.x);
  CHECK(x.columns == static_cast<std::uint64_t>(desc.d_model));
  CHECK(x.rows == 100);
  CHECK(x.pitch_bytes == static_cast<std::uint64_t>(desc.d_model) * 2);
}

TEST_CASE_FIXTURE(StandIns, "execute launches one kernel with these arguments on this stream") {
  desc.device = 2;  // sm_80
  const PlanPointer plan = make_plan(desc);
  CHECK(stand_in_nvrtc_compiles() == 0);  // a plan compiles nothing yet
  void* const stream = stream_of(2);
  const swiglu_forward_args args = buffers.args(100);
  REQUIRE_MESSAGE(swiglu_execute(plan.get(), &args, stream) == SWIGLU_OK, last_error());
  REQUIRE(stand_in_launch_count() == 1);
  const StandInLaunch recorded = launch(0);
  CHECK(recorded.device == 2);
  CHECK(recorded.stream == stream);
  CHECK(recorded.context == stand_in_primary_context(2));
  CHECK_FALSE(recorded.captured);
  struct {
    const void* x;
    const void* w_gate;
    const void* w_up;
    void* out;
    void* g;
    void* u;
    long long m;
    long long ld[6];
  } params;
  static_assert(sizeof params == STAND_IN_PARAMS_BYTES);
  std::memcpy(&params, recorded.params, sizeof params);
  CHECK(params.x == args.x);
  CHECK(params.w_gate == args.w_gate);
  CHECK(params.w_up == args.w_up);
  CHECK(params.out == args.out);
  CHECK(params.g == nullptr);
  CHECK(params.u == nullptr);
  CHECK(params.m == 100);
  CHECK(params.ld[0] == desc.d_model);
  CHECK(params.ld[1] == desc.d_intermediate);
  CHECK(params.ld[3] == desc.d_intermediate);
}

TEST_CASE_FIXTURE(StandIns, "m = 0 and refused arguments reach no driver function") {
  const PlanPointer plan = make_plan(desc);
  const std::uint64_t calls = stand_in_calls(nullptr);
  swiglu_forward_args args = buffers.args(0);
  CHECK(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
  args = buffers.args(16);
  args.out = const_cast<void*>(args.x);
  check_failure(swiglu_execute(plan.get(), &args, nullptr), SWIGLU_INVALID_ARGUMENT, {"overlaps x"});
  CHECK(stand_in_calls(nullptr) == calls);
}

TEST_CASE_FIXTURE(StandIns, "the caller's context is as it was, whatever it was") {
  const PlanPointer plan = make_plan(desc);
  void* const primary = stand_in_primary_context(0);
  for (void* const context :
       {static_cast<void*>(nullptr), primary, stand_in_make_context(0), stand_in_make_context(1)}) {
    stand_in_set_current_context(context);
    const int depth = stand_in_context_depth();
    const auto check_unchanged = [&] {
      CHECK(stand_in_current_context() == context);
      CHECK(stand_in_context_depth() == depth);
      CHECK(stand_in_capture_mode() == 0);
    };
    desc.d_model = next_d_model();
    const PlanPointer other = make_plan(desc);
    check_unchanged();
    CHECK(swiglu_plan_prepare(other.get(), 64) == SWIGLU_OK);
    check_unchanged();
    const swiglu_forward_args args = buffers.args(16);
    CHECK(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
    check_unchanged();
    stand_in_fail("cuLaunchKernelEx", kCudaErrorLaunchFailed, 0, 1);
    CHECK(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_CUDA_ERROR);
    check_unchanged();
  }
  for (int i = 0; i < stand_in_launch_count(); ++i) {
    CHECK(launch(i).context == primary);
  }
}

TEST_CASE_FIXTURE(StandIns, "a device that does not exist, and one that is too old") {
  swiglu_plan* plan = nullptr;
  desc.device = 4;
  check_failure(swiglu_plan_create(&plan, &desc), SWIGLU_NO_DEVICE, {"device 4", "there are 4"});
  desc.device = 3;
  check_failure(swiglu_plan_create(&plan, &desc), SWIGLU_NOT_SUPPORTED, {"device 3", "7.0", "7.5"});
  CHECK(plan == nullptr);
}

TEST_CASE_FIXTURE(StandIns, "the second device, and a stream of the first") {
  desc.device = 1;
  const PlanPointer plan = make_plan(desc);
  const swiglu_forward_args args = buffers.args(16);
  CHECK(swiglu_execute(plan.get(), &args, stream_of(1)) == SWIGLU_OK);
  CHECK(launch(0).device == 1);
  desc.device = 0;
  make_plan(desc);  // so that device 0 has its primary context
  check_failure(swiglu_execute(plan.get(), &args, stream_of(0)), SWIGLU_INVALID_ARGUMENT, {"device 1", "device 0"});
  check_failure(swiglu_execute(plan.get(), &args, stand_in_make_stream(stand_in_make_context(1))),
                SWIGLU_INVALID_ARGUMENT, {"primary"});
  CHECK(stand_in_launch_count() == 1);
}

TEST_CASE_FIXTURE(StandIns, "errors of the driver keep their names") {
  const PlanPointer plan = make_plan(desc);
  const swiglu_forward_args args = buffers.args(16);
  stand_in_fail("cuLibraryLoadData", kCudaErrorOutOfMemory, 0, 1);
  check_failure(swiglu_execute(plan.get(), &args, nullptr), SWIGLU_OUT_OF_MEMORY, {"CUDA_ERROR_OUT_OF_MEMORY"});
  CHECK(stand_in_launch_count() == 0);
  CHECK_MESSAGE(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK, last_error());  // not remembered
  stand_in_fail("cuLaunchKernelEx", kCudaErrorLaunchFailed, 0, 1);
  check_failure(swiglu_execute(plan.get(), &args, nullptr), SWIGLU_CUDA_ERROR, {"launching a kernel", "719"});
  CHECK(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
}

TEST_CASE_FIXTURE(StandIns, "8 threads on one plan, unprepared: every call launches, each kernel is compiled once") {
  desc.passes = SWIGLU_PASS_FORWARD | SWIGLU_PASS_FORWARD_STORE;
  const PlanPointer plan = make_plan(desc);
  constexpr int kThreads = 8;
  constexpr int kCalls = 50;
  const auto m_of = [](int thread, int call) { return 1 + (call * 5 + thread) % 256; };
  const auto stores = [](int call) { return call % 2 == 0; };
  const int libraries = stand_in_libraries();
  std::vector<std::thread> threads;
  std::vector<int> failures(kThreads, 0);
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      Buffers own;
      void* const stream = stream_of(0);
      for (int call = 0; call < kCalls; ++call) {
        const swiglu_forward_args args = own.args(m_of(thread, call), stores(call));
        failures[static_cast<std::size_t>(thread)] += swiglu_execute(plan.get(), &args, stream) == SWIGLU_OK ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(failures == std::vector<int>(kThreads, 0));
  CHECK(stand_in_launch_count() == kThreads * kCalls);
  const std::uint64_t compiles = stand_in_nvrtc_compiles();
  const int loaded = stand_in_libraries() - libraries;
  std::set<std::string> configurations;  // of what was executed, aligned as well as can be
  for (int thread = 0; thread < kThreads; ++thread) {
    for (int call = 0; call < kCalls; ++call) {
      const Json json = describe(plan.get(), m_of(thread, call));
      for (const Json& kernel : json["kernels"]) {
        if (kernel["pass"] == (stores(call) ? "forward_store" : "forward") && kernel["alignment"] == 16) {
          configurations.insert(kernel["config"].get<std::string>());
        }
      }
    }
  }
  CHECK(configurations.size() >= 2);
  CHECK(compiles == configurations.size());
  CHECK(static_cast<std::size_t>(loaded) == configurations.size());
}

TEST_CASE_FIXTURE(StandIns, "kernels outlive the plan that loaded them") {
  PlanPointer plan = make_plan(desc);
  CHECK(swiglu_plan_prepare(plan.get(), 16) == SWIGLU_OK);
  const int libraries = stand_in_libraries();
  const std::uint64_t synchronisations = stand_in_calls("cuCtxSynchronize");
  plan.reset();
  CHECK(stand_in_libraries() == libraries);
  CHECK(stand_in_calls("cuCtxSynchronize") == synchronisations);
  const std::uint64_t compiles = stand_in_nvrtc_compiles();
  plan = make_plan(desc);
  CHECK(swiglu_plan_prepare(plan.get(), 16) == SWIGLU_OK);
  CHECK(stand_in_nvrtc_compiles() == compiles);
}

TEST_CASE_FIXTURE(StandIns, "info lists the devices, and why one cannot be used") {
  const Json info = Json::parse(text_of(swiglu_info));
  CHECK(info["driver"]["found"] == true);
  const std::filesystem::path driver = info["driver"]["path"].get<std::string>();
  CHECK(driver.lexically_normal() == STAND_IN_CUDA_LIBRARY);
  CHECK(info["nvrtc"]["found"] == true);
  CHECK(info["nvrtc"]["version"] == "13.0");
  REQUIRE(info["devices"].size() == 4);
  CHECK(info["devices"][0]["compute_capability"] == "9.0");
  CHECK(info["devices"][0]["arch"] == "sm_90a");
  CHECK(info["devices"][2]["multiprocessors"] == 108);
  CHECK(info["devices"][3]["problem"].get<std::string>().find("7.0") != std::string::npos);
}

}  // namespace
}  // namespace swiglu_test
