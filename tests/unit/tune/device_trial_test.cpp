// Candidates on the stand-in device: what is launched, timed and judged, and what is left behind.
#include "tune/device_trial.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/spelling.h"
#include "support/stand_in_driver/stand_in.h"
#include "support/stand_in_driver/stand_in_nvrtc.h"
#include "tune/space.h"
#include "unit/kernels/environment.h"

namespace swiglu {
namespace {

using test::outcome_of;
const test::StandInEnvironment kEnvironment;

Problem fresh_problem() {
  static int d_model = 200000;
  return {DType::bf16, Accum::f32, Layout::nk, Pass::forward, d_model += 8, 512, 16};
}

struct StandIns {
  StandIns() {
    stand_in_reset();
    stand_in_nvrtc_reset();
    stand_in_set_current_context(nullptr);
    policy.idle_seconds = 0;
  }
  const Device& device = Device::get(0);
  TimingPolicy policy;
};

KernelConfig of_family(const Problem& problem, const Device& device, Family family) {
  const auto all = candidates(problem, device.arch(), device.spec());
  return *std::find_if(all.begin(), all.end(), [&](const KernelConfig& config) { return config.family == family; });
}

TEST_CASE_FIXTURE(StandIns, "a long kernel is timed by single executions, a short one by replays") {
  stand_in_set_duration("", 250);
  const Problem problem = fresh_problem();
  const KernelConfig config = of_family(problem, device, Family::wgmma_sm90);
  {
    DeviceTrial trial(problem, 100, device, 250e-6, policy);
    CHECK(trial.launches() == 1);
    CHECK(trial.sets() == 1);
    trial.load(config);
    CHECK(trial.time(config) == doctest::Approx(250e-6));
    CHECK(stand_in_calls("cuGraphLaunch") == 0);
  }
  stand_in_set_duration("", 20);
  DeviceTrial trial(problem, 100, device, 20e-6, policy);
  CHECK(trial.launches() == 50);
  CHECK(trial.sets() == 2);  // one execution's operands already exceed the cache
  trial.load(config);
  const int before = stand_in_launch_count();
  CHECK(trial.time(config) == doctest::Approx(20e-6));
  CHECK(stand_in_calls("cuGraphLaunch") == 1);
  CHECK(stand_in_launch_count() == before);
}

TEST_CASE_FIXTURE(StandIns, "for a bucket both of its ends are timed, and the largest m weighs more") {
  stand_in_set_duration("", 250);
  const Problem problem = fresh_problem();
  const KernelConfig config = of_family(problem, device, Family::mma_sm80);
  DeviceTrial trial(problem, 1000, device, 250e-6, policy, 100);
  CHECK(trial.seconds_at_m(config) == 0);
  trial.load(config);
  const int before = stand_in_launch_count();
  CHECK(trial.time(config) == doctest::Approx(250e-6));
  REQUIRE(stand_in_launch_count() == before + 2);
  StandInLaunch largest;
  StandInLaunch least;
  REQUIRE(stand_in_launch(before, &largest));
  REQUIRE(stand_in_launch(before + 1, &least));
  CHECK(static_cast<long long>(largest.grid[0]) == tiles(config, 1000));
  CHECK(static_cast<long long>(least.grid[0]) == tiles(config, 100));
  for (int i = 0; i < 4; ++i) {
    CHECK(trial.time(config) == doctest::Approx(250e-6));
  }
  CHECK(stand_in_launch_count() == before + 5 + 3);  // the smallest no more than three times
  CHECK(trial.probe(config) == doctest::Approx(250e-6));
  CHECK(stand_in_launch_count() == before + 6 + 3);
  CHECK(trial.seconds_at_m(config) == doctest::Approx(250e-6));

  CHECK(mean_of_ends(1, 1) == doctest::Approx(1));
  CHECK(mean_of_ends(1.02, 1) < mean_of_ends(1, 1.1));
  CHECK(mean_of_ends(1.05, 1) > mean_of_ends(1, 1.1));
}

TEST_CASE("launches in a sample go by the window, within bounds") {
  const TimingPolicy policy;
  CHECK(launches_for(1, policy) == 1);
  CHECK(launches_for(100e-6, policy) == 1);
  CHECK(launches_for(99e-6, policy) == policy.fewest_launches);
  CHECK(launches_for(25e-6, policy) == 40);
  CHECK(launches_for(1e-6, policy) == policy.most_launches);
  CHECK(launches_for(0, policy) == policy.most_launches);
}

TEST_CASE_FIXTURE(StandIns, "short kernels rotate over operands of several times the cache") {
  const Problem small{DType::bf16, Accum::f32, Layout::nk, Pass::forward, 256, 768, 16};
  DeviceTrial trial(small, 1024, device, 5e-6, policy);
  const std::size_t bytes = 2 * (1024 * 256 + 2 * 256 * 768 + 1024 * 768);
  CHECK(trial.sets() >= 4 * device.l2_bytes() / bytes);
  stand_in_set_free_memory(std::size_t{300} << 20);  // all but 256 MiB are left to others
  DeviceTrial poor(small, 1024, device, 5e-6, policy);
  CHECK(poor.sets() < trial.sets());
  CHECK(poor.sets() >= 1);
}

TEST_CASE_FIXTURE(StandIns, "a wrong candidate is found out, and says where") {
  const Problem problem = fresh_problem();
  const KernelConfig good = of_family(problem, device, Family::wgmma_sm90);
  const KernelConfig bad = of_family(problem, device, Family::mma_sm80);
  DeviceTrial trial(problem, 100, device, 1e-3, policy);
  REQUIRE(trial.trusted().front().family == Family::simt);
  trial.load(good);
  trial.load(bad);
  stand_in_set_error("Family::mma_sm80", 0.5);
  CHECK(trial.check(good) == "");
  CHECK(trial.check(bad).find("out has a relative error of 0.5") != std::string::npos);
  stand_in_set_error("Family::mma_sm80", 1e-4);
  CHECK(trial.check(bad) == "");
}

TEST_CASE_FIXTURE(StandIns, "where simt would take long it checks the trusted kernel on bands of rows") {
  const Problem problem = fresh_problem();
  DeviceTrial trial(problem, 100000, device, 1e-3, policy);
  REQUIRE(trial.trusted().size() == 2);
  CHECK(trial.trusted()[0].family == Family::simt);
  CHECK(trial.trusted()[1].family == Family::mma_sm80);
  const KernelConfig config = of_family(problem, device, Family::wgmma_sm90);
  trial.load(config);
  const int before = stand_in_launch_count();
  CHECK(trial.check(config) == "");
  REQUIRE(stand_in_launch_count() == before + 1 + 6 + 1);  // trusted, bands, candidate
  for (int i = 1; i <= 6; ++i) {
    StandInLaunch band{};
    REQUIRE(stand_in_launch(before + i, &band));
    CHECK(band.grid[0] == 512 / 32);  // 64 rows
  }
  CHECK(trial.check(config) == "");
  CHECK(stand_in_launch_count() == before + 9);  // what is expected is computed once
}

TEST_CASE_FIXTURE(StandIns, "trusted kernels that disagree let nobody pass") {
  const Problem problem = fresh_problem();
  DeviceTrial trial(problem, 100000, device, 1e-3, policy);
  const KernelConfig config = of_family(problem, device, Family::wgmma_sm90);
  trial.load(config);
  stand_in_set_error("Family::simt", 0.5);
  CHECK(outcome_of([&] { trial.check(config); }).status == SWIGLU_INTERNAL);
  const int before = stand_in_launch_count();
  CHECK(outcome_of([&] { trial.check(config); }).status == SWIGLU_INTERNAL);
  CHECK(stand_in_launch_count() == before);  // and is not tried again
}

TEST_CASE_FIXTURE(StandIns, "nothing is left behind, whatever fails") {
  const Problem problem = fresh_problem();
  const KernelConfig config = of_family(problem, device, Family::wgmma_sm90);
  const auto use = [&] {
    DeviceTrial trial(problem, 100, device, 20e-6, policy);
    trial.load(config);
    trial.check(config);
    trial.time(config);
  };
  use();
  CHECK(stand_in_allocated_memory() == 0);
  CHECK(stand_in_live_objects() == 0);
  for (const char* function : {"cuMemAlloc", "cuStreamCreate", "cuEventCreate", "cuStreamBeginCapture",
                               "cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphLaunch", "cuLaunchKernelEx",
                               "cuMemcpyDtoHAsync", "cuStreamSynchronize", "cuEventElapsedTime", "cuMemsetD8Async"}) {
    for (int skip = 0; skip < 12; ++skip) {
      stand_in_reset();
      stand_in_fail(function, 2, skip, 1);  // CUDA_ERROR_OUT_OF_MEMORY
      CAPTURE(function);
      CAPTURE(skip);
      const auto status = outcome_of(use).status;
      CHECK((status == SWIGLU_OK || status == SWIGLU_OUT_OF_MEMORY));
      CHECK(stand_in_allocated_memory() == 0);
      CHECK(stand_in_live_objects() == 0);
      CHECK(stand_in_context_depth() == 0);
      CHECK(stand_in_capture_mode() == 0);
    }
  }
  stand_in_reset();
}

TEST_CASE_FIXTURE(StandIns, "no memory for the operands is said so") {
  stand_in_set_free_memory(1 << 20);
  const auto outcome = outcome_of([&] { DeviceTrial(fresh_problem(), 8192, device, 1e-3, policy); });
  CHECK(outcome.status == SWIGLU_OUT_OF_MEMORY);
  CHECK(stand_in_allocated_memory() == 0);
}

TEST_CASE_FIXTURE(StandIns, "another thread's global capture is neither spoilt nor in the way") {
  const Problem problem = fresh_problem();
  const KernelConfig config = of_family(problem, device, Family::wgmma_sm90);
  void* const stream = stand_in_make_stream(device.context());
  stand_in_begin_capture(stream);
  {
    DeviceTrial trial(problem, 100, device, 20e-6, policy);
    trial.load(config);
    CHECK(trial.check(config) == "");
    trial.time(config);
  }
  CHECK(stand_in_end_capture(stream));
}

TEST_CASE_FIXTURE(StandIns, "kernels of every pass that multiplies are checked and timed, split tokens or not") {
  for (const Pass pass : {Pass::forward, Pass::forward_store, Pass::recompute, Pass::dx, Pass::dw, Pass::dw_single}) {
    for (const Layout layout : {Layout::kn, Layout::nk}) {
      for (const int access_bytes : {16, 2}) {
        for (const std::int64_t m : {3, 100, 40000}) {  // 40000 tokens are split for the weights' gradients
          Problem problem = fresh_problem();
          problem.pass = pass;
          problem.layout = layout;
          problem.access_bytes = access_bytes;
          problem.gradient = is_dw(pass) && m == 100 ? Gradient::f32 : Gradient::element;
          CAPTURE(print(problem));
          CAPTURE(m);
          const KernelConfig config = of_family(problem, device, Family::mma_sm80);
          DeviceTrial trial(problem, m, device, m == 3 ? 20e-6 : 1e-3, policy);
          trial.load(config);
          CHECK(trial.check(config) == "");
          CHECK(trial.time(config) > 0);
          stand_in_set_error("Family::mma_sm80", 0.5);
          CHECK(trial.check(config) != "");
          stand_in_set_error("Family::mma_sm80", 0);
        }
      }
    }
  }
  CHECK(stand_in_allocated_memory() == 0);
}

TEST_CASE_FIXTURE(StandIns, "the caller's context stays current") {
  void* const other = stand_in_make_context(1);
  stand_in_set_current_context(other);
  const Problem problem = fresh_problem();
  const KernelConfig config = of_family(problem, device, Family::wgmma_sm90);
  {
    DeviceTrial trial(problem, 100, device, 20e-6, policy);
    trial.load(config);
    trial.check(config);
    trial.time(config);
    CHECK(stand_in_current_context() == other);
  }
  CHECK(stand_in_current_context() == other);
  CHECK(stand_in_context_depth() == 1);
  stand_in_set_current_context(nullptr);
}

}  // namespace
}  // namespace swiglu
