// Choosing kernels by measuring, on stand-in devices whose kernels take as long as the test says.
#include "api/device_environment.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <latch>
#include <limits>
#include <thread>

namespace swiglu_test {
namespace {

namespace fs = std::filesystem;

// A tile worth trying on these problems but not the estimate's choice, as it stands in generated source.
constexpr const char* kTile = "128x64x64_s6_w8x1_g16";
constexpr const char* kTileSource = ".m = 128, .n = 64, .k = 64, .stages = 6, .warps_m = 8, .warps_n = 1";
constexpr double kMicroseconds = 150;

struct Tuning : StandIns {
  Tuning() {
    desc.tuning = SWIGLU_TUNING_MEASURE;
    desc.tuning_seconds = kAmple;
    stand_in_set_duration("", 1000);
    stand_in_set_duration(kTileSource, kMicroseconds);
  }

  const int objects = stand_in_live_objects();  // streams of other tests

  static Json kernel(swiglu_plan* plan, std::int64_t m) { return describe(plan, m)["kernels"][0]; }
  Json kernel(std::int64_t m) const { return kernel(make_plan(desc).get(), m); }

  static std::size_t records() {
    const fs::path folder = fs::path(std::getenv("SWIGLU_CACHE_DIR")) / "v1" / "tuned";
    std::size_t count = 0;
    if (fs::exists(folder)) {
      for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        count += entry.is_regular_file() && entry.path().filename() != "environment.json" ? 1 : 0;
      }
    }
    return count;
  }
};

TEST_CASE_FIXTURE(Tuning, "MEASURE takes the fastest, remembers it, and the next plan measures nothing") {
  const std::size_t before = records();
  const Json measured = kernel(200);
  CHECK(measured["tile"] == kTile);
  CHECK(measured["choice"] == "measured");
  CHECK(measured["microseconds"].get<double>() == doctest::Approx(kMicroseconds));
  CHECK(measured["why"].get<std::string>().find("measured 150 us at m = 208") == 0);
  CHECK(records() == before + 1);  // one for pointers as aligned as can be, none for others
  const std::uint64_t events = stand_in_calls("cuEventRecord");
  CHECK(events > 0);
  CHECK(kernel(193)["tile"] == kTile);
  for (const swiglu_tuning mode : {SWIGLU_TUNING_ESTIMATE, SWIGLU_TUNING_CACHED_ONLY}) {
    desc.tuning = mode;
    CHECK(kernel(200)["tile"] == kTile);
    CHECK(kernel(200)["microseconds"].get<double>() == doctest::Approx(kMicroseconds));
  }
  CHECK(stand_in_calls("cuEventRecord") == events);
  CHECK(kernel(100)["choice"] == "estimate");  // another bucket
  CHECK(stand_in_allocated_memory() == 0);
  CHECK(stand_in_live_objects() == objects);
}

TEST_CASE_FIXTURE(Tuning, "IGNORE_RECORDS chooses on paper whatever was measured, and does not measure") {
  CHECK(kernel(200)["tile"] == kTile);
  desc.options = SWIGLU_OPTION_IGNORE_RECORDS;
  swiglu_plan* plan = nullptr;
  CHECK(swiglu_plan_create(&plan, &desc) == SWIGLU_INVALID_ARGUMENT);  // MEASURE
  for (const swiglu_tuning mode : {SWIGLU_TUNING_ESTIMATE, SWIGLU_TUNING_CACHED_ONLY}) {
    desc.tuning = mode;
    CHECK(kernel(200)["choice"] == "estimate");
    CHECK(kernel(200)["tile"] != kTile);
  }
}

TEST_CASE_FIXTURE(Tuning, "what lost is unloaded") {
  kernel(200);
  const int libraries = stand_in_libraries();
  for (const std::int64_t m : {300, 500, 700, 1000}) {
    CHECK(kernel(m)["tile"] == kTile);
  }
  CHECK(stand_in_libraries() <= libraries + 4);  // for pointers that are less aligned, one of each bucket
}

TEST_CASE_FIXTURE(Tuning, "a tuning without time measures one kernel; one with more time measures the rest") {
  stand_in_nvrtc_set_milliseconds(20);
  desc.tuning_seconds = 1e-3F;
  const Json cut_short = kernel(200);
  CHECK(cut_short["choice"] == "measured");
  CHECK(cut_short["why"].get<std::string>().find("before the time was up") != std::string::npos);
  CHECK(kernel(200)["why"] == cut_short["why"]);  // with no more time than before nothing is to be gained
  desc.tuning_seconds = 60;
  const Json whole = kernel(200);
  CHECK(whole["tile"] == kTile);
  CHECK(whole["why"].get<std::string>().find("before the time was up") == std::string::npos);
  desc.tuning_seconds = 1e-3F;
  CHECK(kernel(200)["tile"] == kTile);
}

TEST_CASE_FIXTURE(Tuning, "ESTIMATE measures nothing") {
  desc.tuning = SWIGLU_TUNING_ESTIMATE;
  CHECK(kernel(200)["choice"] == "estimate");
  CHECK(stand_in_calls("cuEventRecord") == 0);
  CHECK(stand_in_calls("cuMemAlloc") == 0);
}

TEST_CASE_FIXTURE(Tuning, "executing an unprepared m measures first, on streams and in memory of the library's own") {
  const PlanPointer plan = make_plan(desc);
  void* const stream = stream_of(0);
  const swiglu_forward_args args = buffers.args(16);
  REQUIRE_MESSAGE(swiglu_execute(plan.get(), &args, stream) == SWIGLU_OK, last_error());
  CHECK(stand_in_calls("cuEventRecord") > 0);
  int on_ours = 0;
  for (int i = 0; i < stand_in_launch_count(); ++i) {
    const StandInLaunch recorded = launch(i);
    on_ours += recorded.stream == stream ? 1 : 0;
    CHECK(recorded.stream != nullptr);  // never the legacy default stream
  }
  CHECK(on_ours == 1);  // the execution itself
  CHECK(buffers.untouched());
  CHECK(stand_in_current_context() == nullptr);
  CHECK(stand_in_capture_mode() == 0);
}

TEST_CASE_FIXTURE(Tuning, "an unprepared m under capture is refused, nothing is measured, and the capture goes on") {
  const PlanPointer plan = make_plan(desc);
  REQUIRE(swiglu_plan_prepare(plan.get(), 100) == SWIGLU_OK);
  void* const stream = stream_of(0);
  const std::uint64_t events = stand_in_calls("cuEventRecord");
  stand_in_begin_capture(stream);
  const swiglu_forward_args args = buffers.args(16);
  check_failure(swiglu_execute(plan.get(), &args, stream), SWIGLU_NOT_PREPARED, {"m = 16"});
  CHECK(stand_in_calls("cuEventRecord") == events);
  const swiglu_forward_args prepared = buffers.args(100);
  CHECK(swiglu_execute(plan.get(), &prepared, stream) == SWIGLU_OK);
  CHECK(stand_in_end_capture(stream));
}

TEST_CASE_FIXTURE(Tuning, "another thread's global capture does not break tuning, nor tuning the capture") {
  const PlanPointer plan = make_plan(desc);
  void* const captured = stream_of(0);
  stand_in_begin_capture(captured);
  CHECK(kernel(plan.get(), 200)["choice"] == "measured");
  CHECK(stand_in_end_capture(captured));
}

TEST_CASE_FIXTURE(Tuning, "threads that first use one problem share one tuning, and a wrong kernel never wins") {
  constexpr const char* kWrong = ".m = 64, .n = 64, .k = 64, .stages = 8";
  stand_in_set_duration(kWrong, 100);  // faster still
  stand_in_set_error(kWrong, 0.9);
  const std::size_t before = records();
  constexpr int kThreads = 8;
  std::vector<std::string> tiles(kThreads);
  {
    std::latch ready(kThreads);
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        swiglu_plan_desc own = desc;
        own.device = i % 2;  // two equal cards share it
        swiglu_plan* plan = nullptr;
        ready.arrive_and_wait();
        swiglu_plan_create(&plan, &own);
        swiglu_plan_prepare(plan, 200);
        tiles[static_cast<std::size_t>(i)] = kernel(plan, 200)["tile"];
        swiglu_plan_destroy(plan);
      });
    }
  }
  for (const std::string& tile : tiles) {
    CHECK(tile == kTile);
  }
  CHECK(records() == before + 1);
  CHECK(stand_in_calls("cuStreamCreate") == 1);
}

TEST_CASE_FIXTURE(Tuning, "threads on different cards do not wait for each other's measurements") {
  stand_in_nvrtc_set_milliseconds(200);  // either tuning takes much longer than the other is late
  swiglu_plan_desc other = desc;
  other.d_model = next_d_model();
  other.device = 1;
  const PlanPointer first = make_plan(desc);
  const PlanPointer second = make_plan(other);
  std::atomic<std::uint64_t> most{0};
  std::atomic<bool> done{false};
  {
    std::jthread one([&] { CHECK(swiglu_plan_prepare(first.get(), 200) == SWIGLU_OK); });
    std::jthread two([&] { CHECK(swiglu_plan_prepare(second.get(), 200) == SWIGLU_OK); });
    std::jthread watch([&] {
      while (!done) {
        most = std::max<std::uint64_t>(most, static_cast<std::uint64_t>(stand_in_live_objects()));
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    });
    one.join();
    two.join();
    done = true;
  }
  CHECK(static_cast<int>(most) >= objects + 6);  // a stream and two events each, at the same time
}

TEST_CASE_FIXTURE(Tuning, "no memory to measure in: the estimate chooses, and the next plan tries again") {
  stand_in_set_free_memory(1 << 20);
  CHECK(kernel(200)["choice"] == "estimate");
  stand_in_set_free_memory(std::size_t{80} << 30);
  CHECK(kernel(200)["choice"] == "measured");
}

TEST_CASE_FIXTURE(Tuning, "whatever the driver fails at while measuring, prepare succeeds and nothing is left behind") {
  for (const char* function : {"cuMemAlloc", "cuStreamCreate", "cuEventCreate", "cuEventRecord", "cuStreamSynchronize",
                               "cuEventElapsedTime", "cuMemcpyDtoHAsync", "cuMemsetD8Async", "cuMemGetInfo"}) {
    desc.d_model = next_d_model();
    stand_in_fail(function, kCudaErrorOutOfMemory, 0, 100000);
    const PlanPointer plan = make_plan(desc);
    CHECK_MESSAGE(swiglu_plan_prepare(plan.get(), 200) == SWIGLU_OK, function, ": ", last_error());
    stand_in_reset();
    CHECK(kernel(plan.get(), 200)["choice"] == "estimate");
    CHECK(stand_in_allocated_memory() == 0);
    CHECK(stand_in_live_objects() == objects);
  }
}

TEST_CASE_FIXTURE(Tuning, "compiles begin as long as the budget lasts, as many at once as there are threads") {
  constexpr int kTuning = kCpuThreads - 1;  // compile, and one measures
  constexpr int kOthers = 2;                // the kernel for other pointers, and the one that the estimate chooses
  stand_in_nvrtc_set_milliseconds(300);
  desc.tuning_seconds = 0.2F;  // the first compiles outlast it, and what they made is measured
  CHECK(kernel(200)["choice"] == "measured");
  const std::uint64_t within = stand_in_nvrtc_compiles();
  CHECK(within <= kTuning + kOthers);
  stand_in_nvrtc_set_milliseconds(50);
  desc.tuning_seconds = kAmple;
  desc.d_model = next_d_model();
  CHECK(kernel(200)["choice"] == "measured");
  CHECK(stand_in_nvrtc_compiles() - within > kTuning + kOthers);
  CHECK(stand_in_nvrtc_most_at_once() > 1);
  CHECK(stand_in_nvrtc_most_at_once() <= kTuning + 1);  // the kernel for other pointers beside them
}

TEST_CASE_FIXTURE(Tuning, "BATCH_INVARIANT: one kernel for all m, never measured") {
  desc.options = SWIGLU_OPTION_BATCH_INVARIANT;
  const PlanPointer plan = make_plan(desc);
  const Json one = describe(plan.get(), 1);
  CHECK(one["bucket"]["first"] == 1);
  CHECK(one["bucket"]["last"].is_null());
  CHECK(one["kernels"][0]["why"].get<std::string>().find("batch invariant") != std::string::npos);
  const std::uint64_t compiles = stand_in_nvrtc_compiles();
  for (const std::int64_t m : {2, 64, 1000, 8192, 100000}) {
    CHECK(describe(plan.get(), m)["kernels"] == one["kernels"]);
  }
  CHECK(stand_in_nvrtc_compiles() == compiles);
  CHECK(stand_in_calls("cuEventRecord") == 0);
  for (const std::int64_t m : {1, 256}) {
    const swiglu_forward_args args = buffers.args(m);
    CHECK(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
  }
  CHECK(launch(0).function == launch(1).function);
}

TEST_CASE_FIXTURE(Tuning, "options and budgets that mean nothing are refused") {
  swiglu_plan* plan = nullptr;
  desc.options = 4;
  check_failure(swiglu_plan_create(&plan, &desc), SWIGLU_INVALID_ARGUMENT, {"options is 0x4"});
  desc.options = 0;
  for (const float seconds : {-1.0F, 3601.0F, std::numeric_limits<float>::quiet_NaN()}) {
    desc.tuning_seconds = seconds;
    check_failure(swiglu_plan_create(&plan, &desc), SWIGLU_INVALID_ARGUMENT, {"tuning_seconds is"});
  }
  desc.tuning_seconds = 0;
  desc.tuning = static_cast<swiglu_tuning>(3);
  check_failure(swiglu_plan_create(&plan, &desc), SWIGLU_INVALID_ARGUMENT,
                {"tuning is 3", "SWIGLU_TUNING_MEASURE (2)"});
}

}  // namespace
}  // namespace swiglu_test
