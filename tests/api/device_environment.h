// What the tests over the stand-ins share. The environment is set by device_test.cpp before main.
#pragma once

#include <cstdint>

#include "api/api.h"
#include "support/stand_in_driver/stand_in.h"
#include "support/stand_in_driver/stand_in_nvrtc.h"

namespace swiglu_test {

// Results of the driver and NVRTC, by number: the tests see no header of CUDA.
inline constexpr int kCudaErrorOutOfMemory = 2;
inline constexpr int kCudaErrorInvalidImage = 200;
inline constexpr int kCudaErrorLaunchFailed = 719;
inline constexpr int kCudaErrorStreamCaptureImplicit = 906;
inline constexpr int kNvrtcErrorCompilation = 6;

inline constexpr int kCpuThreads = 4;  // SWIGLU_CPU_THREADS
inline constexpr float kAmple = 60;    // seconds to tune in: no machine is too slow for what a stand-in takes

// Starts from the stand-ins' state at load, and with a shape no other test has: the library keeps kernels for the life
// of the process, so only a new problem compiles.
struct StandIns {
  StandIns() {
    stand_in_reset();
    stand_in_nvrtc_reset();
    stand_in_set_current_context(nullptr);
    desc.d_model = next_d_model();
  }
  ~StandIns() { stand_in_set_current_context(nullptr); }
  StandIns(const StandIns&) = delete;
  StandIns& operator=(const StandIns&) = delete;

  static constexpr std::int64_t kMostModel = Buffers::kMaxModel / 2;
  static std::int64_t next_d_model() {
    static std::int64_t last = 0;
    last += 8;  // rows stay 16-byte aligned
    REQUIRE(last <= kMostModel);
    return last;
  }

  // A stream of the device's primary context, which exists from the first plan on.
  static void* stream_of(int device) { return stand_in_make_stream(stand_in_primary_context(device)); }

  static StandInLaunch launch(int index) {
    StandInLaunch recorded{};
    REQUIRE(stand_in_launch(index, &recorded));
    return recorded;
  }

  // That there were so many launches, and all of them under capture.
  static void check_all_captured(int count) {
    REQUIRE(stand_in_launch_count() == count);
    for (int i = 0; i < count; ++i) {
      CHECK(launch(i).captured);
    }
  }

  swiglu_plan_desc desc = description(0);
  Buffers buffers;
};

inline Json describe(swiglu_plan* plan, std::int64_t m) {
  return Json::parse(text_of(
      [&](char* buffer, size_t size, size_t* needed) { return swiglu_plan_describe(plan, m, buffer, size, needed); }));
}

// That a plan finds whatever it wants for any m, once it was compiled ahead.
inline void check_compiled_ahead(swiglu_plan_desc desc) {
  REQUIRE(swiglu_compile(&desc, "sm_90", 0, nullptr, nullptr) == SWIGLU_OK);
  const std::uint64_t compiles = stand_in_nvrtc_compiles();
  desc.tuning = SWIGLU_TUNING_CACHED_ONLY;
  const PlanPointer plan = make_plan(desc);
  for (const std::int64_t m : {1, 16, 100, 3000, 100000}) {
    CHECK_MESSAGE(swiglu_plan_prepare(plan.get(), m) == SWIGLU_OK, last_error());
  }
  CHECK(stand_in_nvrtc_compiles() == compiles);
}

}  // namespace swiglu_test
