// One tuning for all who want it, on stand-in devices. More of it, through plans: tests/api/tuning_test.cpp.
#include "tune/tuned.h"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "kernels/trial_kernels.h"
#include "support/stand_in_driver/stand_in.h"
#include "support/stand_in_driver/stand_in_nvrtc.h"
#include "unit/kernels/environment.h"

namespace swiglu {
namespace {

using test::outcome_of;
const test::StandInEnvironment kEnvironment;
constexpr int kOutOfMemory = 2;  // CUDA_ERROR_OUT_OF_MEMORY

// libstdc++ counts the references to an exception that threads share where the thread sanitizer does not look.
#ifdef __SANITIZE_THREAD__
constexpr bool kIsBlind = true;
#else
constexpr bool kIsBlind = false;
#endif

TEST_CASE("who waited for another card's tuning, which failed, measures on their own" * doctest::skip(kIsBlind)) {
  stand_in_reset();
  const TuningRequest request{{DType::bf16, Accum::f32, Layout::nk, Pass::forward, 300000, 512, 16}, 1, 16, 16};
  TunerPolicy policy;
  policy.compile_threads = 1;
  policy.budget_seconds = 0.3;
  TrialKernels::get(Device::get(0));  // compiled before a budget begins
  stand_in_nvrtc_reset();
  stand_in_nvrtc_set_milliseconds(1000);  // the first compile outlasts the budget: one kernel is tried, and fails
  stand_in_fail("cuLibraryLoadData", kOutOfMemory, 0, 1);
  std::jthread first(
      [&] { CHECK(outcome_of([&] { get_tuned(request, Device::get(0), policy); }).status == SWIGLU_INTERNAL); });
  while (stand_in_nvrtc_most_at_once() == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  stand_in_nvrtc_set_milliseconds(0);
  TunerPolicy patient = policy;
  patient.budget_seconds = 60;
  CHECK(outcome_of([&] { get_tuned(request, Device::get(1), patient); }).status == SWIGLU_OK);
}

}  // namespace
}  // namespace swiglu
