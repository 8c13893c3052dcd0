// Execution and stream capture: a prepared m is captured, an unprepared one is refused before anything is touched.
#include "api/device_environment.h"

namespace swiglu_test {
namespace {

TEST_CASE_FIXTURE(StandIns, "a prepared m is captured, at any pointer alignment") {
  desc.passes = SWIGLU_PASS_FORWARD | SWIGLU_PASS_FORWARD_STORE;
  const PlanPointer plan = make_plan(desc);
  REQUIRE(swiglu_plan_prepare(plan.get(), 100) == SWIGLU_OK);
  void* const stream = stream_of(0);
  stand_in_begin_capture(stream);
  for (const std::int64_t m : {97, 100, 128}) {
    for (const bool store : {false, true}) {
      swiglu_forward_args args = buffers.args(m, store);
      CHECK(swiglu_execute(plan.get(), &args, stream) == SWIGLU_OK);
      args.x = buffers.x.data() + 1;
      CHECK(swiglu_execute(plan.get(), &args, stream) == SWIGLU_OK);
    }
  }
  CHECK(stand_in_end_capture(stream));
  check_all_captured(12);
}

TEST_CASE_FIXTURE(StandIns, "an unprepared m under capture touches nothing, and the capture stays valid") {
  const PlanPointer plan = make_plan(desc);
  REQUIRE(swiglu_plan_prepare(plan.get(), 100) == SWIGLU_OK);
  void* const stream = stream_of(0);
  const std::uint64_t compiles = stand_in_nvrtc_compiles();
  const std::uint64_t loads = stand_in_calls("cuLibraryLoadData");
  stand_in_begin_capture(stream);
  const swiglu_forward_args args = buffers.args(16);
  check_failure(swiglu_execute(plan.get(), &args, stream), SWIGLU_NOT_PREPARED, {"m = 16", "swiglu_plan_prepare"});
  CHECK(stand_in_launch_count() == 0);
  CHECK(stand_in_nvrtc_compiles() == compiles);
  CHECK(stand_in_calls("cuLibraryLoadData") == loads);
  const swiglu_forward_args prepared = buffers.args(100);
  CHECK(swiglu_execute(plan.get(), &prepared, stream) == SWIGLU_OK);  // the capture goes on
  CHECK(stand_in_end_capture(stream));
  CHECK(swiglu_execute(plan.get(), &args, stream) == SWIGLU_OK);  // and outside it the m is prepared first
}

TEST_CASE_FIXTURE(StandIns, "the legacy default stream while another stream is captured") {
  const PlanPointer plan = make_plan(desc);
  stand_in_fail("cuStreamIsCapturing", kCudaErrorStreamCaptureImplicit, 0, 1);
  const swiglu_forward_args args = buffers.args(16);
  check_failure(swiglu_execute(plan.get(), &args, nullptr), SWIGLU_NOT_PREPARED, {"m = 16"});
  CHECK(stand_in_nvrtc_compiles() == 0);
  CHECK(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
}

TEST_CASE_FIXTURE(StandIns, "preparing while another stream is captured leaves that capture valid") {
  const PlanPointer plan = make_plan(desc);
  void* const captured = stream_of(0);
  void* const other = stream_of(0);
  stand_in_begin_capture(captured);
  CHECK(swiglu_plan_prepare(plan.get(), 100) == SWIGLU_OK);
  const swiglu_forward_args args = buffers.args(16);
  CHECK(swiglu_execute(plan.get(), &args, other) == SWIGLU_OK);
  CHECK(stand_in_capture_mode() == 0);
  CHECK(stand_in_end_capture(captured));
}

}  // namespace
}  // namespace swiglu_test
