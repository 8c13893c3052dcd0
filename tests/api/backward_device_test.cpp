// The backward pass on stand-in devices: which launches, in which order, prepared and under capture.
#include "api/backward_buffers.h"

#include <set>

namespace swiglu_test {
namespace {

TEST_CASE_FIXTURE(Backward, "backward: a launch for each part, in order, all prepared") {
  const PlanPointer plan = make_plan(desc);
  REQUIRE(swiglu_plan_prepare(plan.get(), 100) == SWIGLU_OK);
  const std::uint64_t compiles = stand_in_nvrtc_compiles();
  void* const stream = stream_of(0);
  swiglu_backward_args all = args(plan, 100);
  CHECK_MESSAGE(swiglu_execute_backward(plan.get(), &all, stream) == SWIGLU_OK, last_error());
  REQUIRE(stand_in_launch_count() == 3);
  std::set<const void*> functions;
  for (int i = 0; i < 3; ++i) {
    CHECK(launch(i).stream == stream);
    functions.insert(launch(i).function);
  }
  CHECK(functions.size() == 3);
  swiglu_backward_args again = args(plan, 100, true);
  again.dx = nullptr;
  again.dw_gate = nullptr;
  CHECK(swiglu_execute_backward(plan.get(), &again, stream) == SWIGLU_OK);
  REQUIRE(stand_in_launch_count() == 5);  // recompute, dw_single
  for (int i = 3; i < 5; ++i) {
    CHECK(functions.count(launch(i).function) == 0);
  }
  again.dw_up = nullptr;
  CHECK(swiglu_execute_backward(plan.get(), &again, stream) == SWIGLU_OK);
  CHECK(stand_in_launch_count() == 5);  // nothing is wanted
  swiglu_backward_args odd = args(plan, 70);
  odd.dx = dx.data() + 1;
  CHECK(swiglu_execute_backward(plan.get(), &odd, stream) == SWIGLU_OK);
  CHECK(launch(5).function == launch(0).function);
  CHECK(launch(6).function != launch(1).function);
  CHECK(launch(7).function == launch(2).function);
  CHECK(stand_in_nvrtc_compiles() == compiles);
}

TEST_CASE_FIXTURE(Backward, "backward: capture wants every kernel prepared before any is launched") {
  const PlanPointer plan = make_plan(desc);
  void* const stream = stream_of(0);
  const swiglu_backward_args unprepared = args(plan, 100);
  stand_in_begin_capture(stream);
  check_failure(swiglu_execute_backward(plan.get(), &unprepared, stream), SWIGLU_NOT_PREPARED, {"m = 100"});
  CHECK(stand_in_launch_count() == 0);
  CHECK(stand_in_end_capture(stream));
  REQUIRE(swiglu_plan_prepare(plan.get(), 100) == SWIGLU_OK);
  stand_in_begin_capture(stream);
  for (const bool recompute : {false, true}) {
    const swiglu_backward_args prepared = args(plan, 100, recompute);
    CHECK(swiglu_execute_backward(plan.get(), &prepared, stream) == SWIGLU_OK);
  }
  CHECK(stand_in_end_capture(stream));
  check_all_captured(6);
}

TEST_CASE_FIXTURE(Backward, "backward: no tokens, prepared by m = 0 or by any other") {
  desc.dw_dtype = SWIGLU_F32;
  const PlanPointer plan = make_plan(desc);
  void* const stream = stream_of(0);
  swiglu_backward_args none = args(plan, 0);
  stand_in_begin_capture(stream);
  CHECK(swiglu_execute_backward(plan.get(), &none, stream) == SWIGLU_NOT_PREPARED);
  CHECK(stand_in_end_capture(stream));
  REQUIRE(swiglu_plan_prepare(plan.get(), 0) == SWIGLU_OK);
  stand_in_begin_capture(stream);
  CHECK(swiglu_execute_backward(plan.get(), &none, stream) == SWIGLU_OK);
  CHECK(stand_in_end_capture(stream));
  CHECK(stand_in_launch_count() == 1);
  none.dw_beta = 1;
  CHECK(swiglu_execute_backward(plan.get(), &none, stream) == SWIGLU_OK);
  CHECK(stand_in_launch_count() == 1);  // nothing to add
}

TEST_CASE_FIXTURE(Backward, "backward: describe lists the kernels, the workspace and what is kept") {
  const PlanPointer plan = make_plan(desc);
  const Json json = describe(plan.get(), 200);
  std::set<std::string> passes;
  for (const Json& kernel : json["kernels"]) {
    passes.insert(kernel["pass"].get<std::string>());
  }
  CHECK(passes == std::set<std::string>{"recompute", "dgate", "dx", "dw", "dw_single", "dw_sum"});
  REQUIRE(json["backward"].size() == 2);
  std::size_t bytes = 0;
  REQUIRE(swiglu_plan_workspace_size(plan.get(), SWIGLU_PASS_BACKWARD, 200, &bytes) == SWIGLU_OK);
  CHECK(json["backward"][0]["workspace_bytes"] == bytes);
  CHECK(bytes >= 200U * 96 * 2 * 2);
  CHECK(json["backward"][0]["token_splits"] == 1);
  CHECK(json["backward"][1]["kept_bytes"] == 200 * desc.d_model * 2);
}

TEST_CASE_FIXTURE(Backward, "backward: a workspace for some m serves every smaller one, whatever its parts") {
  desc.d_model = 768;
  desc.d_intermediate = 2048;
  const PlanPointer plan = make_plan(desc);
  constexpr std::int64_t kMany = 7168;  // its tokens are split into more parts than those of a few more
  std::size_t bytes = 0;
  REQUIRE(swiglu_plan_workspace_size(plan.get(), SWIGLU_PASS_BACKWARD, kMany + 64, &bytes) == SWIGLU_OK);
  swiglu_backward_args all{};
  all.struct_size = sizeof all;
  all.m = kMany;
  std::uintptr_t next = std::uintptr_t{1} << 40;
  for (const void** input : {&all.dout, &all.x, &all.w_gate, &all.w_up, &all.g, &all.u}) {
    *input = reinterpret_cast<const void*>(next += std::uintptr_t{1} << 32);
  }
  for (void** output : {&all.dx, &all.dw_gate, &all.dw_up, &all.workspace}) {
    *output = reinterpret_cast<void*>(next += std::uintptr_t{1} << 32);
  }
  all.workspace_size = bytes;
  CHECK_MESSAGE(swiglu_execute_backward(plan.get(), &all, nullptr) == SWIGLU_OK, last_error());
  CHECK(stand_in_launch_count() == 4);
  const Json many = describe(plan.get(), kMany)["backward"][0];
  const Json more = describe(plan.get(), kMany + 64)["backward"][0];
  CHECK(many["token_splits"] > more["token_splits"]);
  CHECK(many["workspace_bytes"] > more["workspace_bytes"]);
  CHECK(many["workspace_bytes"] <= bytes);
  all.workspace_size = many["workspace_bytes"].get<std::size_t>() - 1;
  check_failure(swiglu_execute_backward(plan.get(), &all, nullptr), SWIGLU_WORKSPACE_TOO_SMALL, {"7168"});
}

TEST_CASE_FIXTURE(Backward, "backward: sizes beyond 64 bits are refused, not wrapped") {
  desc.d_model = 1 << 28;
  desc.d_intermediate = 1;
  const PlanPointer plan = make_plan(desc);
  std::size_t bytes = 7;
  check_failure(swiglu_plan_workspace_size(plan.get(), SWIGLU_PASS_BACKWARD, std::int64_t{1} << 51, &bytes),
                SWIGLU_INVALID_ARGUMENT, {"m is 2251799813685248", "overflows"});
  CHECK(bytes == 7);
  desc.device = SWIGLU_DEVICE_CPU;
  check_failure(swiglu_plan_describe(make_plan(desc).get(), std::int64_t{1} << 40, nullptr, 0, nullptr),
                SWIGLU_INVALID_ARGUMENT, {"m is 1099511627776", "overflows"});
}

TEST_CASE_FIXTURE(Backward, "backward: a plan for the forward pass alone wants no kernel of it") {
  desc.passes = SWIGLU_PASS_FORWARD;
  const PlanPointer plan = make_plan(desc);
  REQUIRE(swiglu_plan_prepare(plan.get(), 0) == SWIGLU_OK);
  CHECK(stand_in_nvrtc_compiles() == 0);
  CHECK_FALSE(describe(plan.get(), 10).contains("backward"));
}

}  // namespace
}  // namespace swiglu_test
