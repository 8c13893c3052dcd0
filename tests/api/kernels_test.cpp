// Which kernels a plan holds: per pass, pointer alignment and m-bucket; where they come from; what happens when one
// fails.
#include "api/device_environment.h"

#include <set>

namespace swiglu_test {
namespace {

TEST_CASE_FIXTURE(StandIns, "describe tells the kernel of each pass and alignment") {
  desc.passes = SWIGLU_PASS_FORWARD | SWIGLU_PASS_FORWARD_STORE;
  const PlanPointer plan = make_plan(desc);
  const Json json = describe(plan.get(), 200);
  CHECK(json["device"]["kind"] == "cuda");
  CHECK(json["device"]["arch"] == "sm_90a");
  CHECK(json["bucket"]["first"] == 193);
  CHECK(json["bucket"]["last"] == 208);
  REQUIRE(json["kernels"].size() == 4);
  std::set<std::string> configs;
  for (const Json& kernel : json["kernels"]) {
    CHECK(kernel["origin"] == "compiled");
    CHECK(kernel["registers"] == 96);
    CHECK(kernel["spill_bytes"] == 0);
    CHECK(kernel["shared_bytes"].get<int>() > 0);
    CHECK(kernel["threads"].get<int>() >= 32);
    CHECK_FALSE(kernel["why"].get<std::string>().empty());
    CHECK(kernel["choice"] == "estimate");
    CHECK(kernel["microseconds"].is_null());
    CHECK_FALSE(kernel["tile"].get<std::string>().empty());
    configs.insert(kernel["config"].get<std::string>());
  }
  CHECK(configs.size() == 4);
  CHECK(json["kernels"][0]["pass"] == "forward");
  CHECK(json["kernels"][0]["alignment"] == 16);
  CHECK(json["kernels"][1]["alignment"] == 2);
  CHECK(json["kernels"][3]["pass"] == "forward_store");
  CHECK(describe(plan.get(), 100000)["bucket"]["last"].is_null());
}

TEST_CASE_FIXTURE(StandIns, "prepare readies every pass and alignment of a bucket, and no other bucket") {
  desc.passes = SWIGLU_PASS_FORWARD | SWIGLU_PASS_FORWARD_STORE;
  const PlanPointer plan = make_plan(desc);
  REQUIRE(swiglu_plan_prepare(plan.get(), 200) == SWIGLU_OK);
  CHECK(stand_in_nvrtc_compiles() == 4);
  const std::uint64_t loads = stand_in_calls("cuLibraryLoadData");
  for (const std::int64_t m : {193, 208}) {
    swiglu_forward_args args = buffers.args(m, true);
    CHECK(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
    args = buffers.args(m);
    args.out = buffers.out.data() + 1;
    CHECK(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
  }
  CHECK(stand_in_nvrtc_compiles() == 4);
  CHECK(stand_in_calls("cuLibraryLoadData") == loads);
  CHECK(stand_in_launch_count() == 4);
  CHECK(swiglu_plan_prepare(plan.get(), 0) == SWIGLU_OK);
  CHECK(stand_in_nvrtc_compiles() == 4);
}

TEST_CASE_FIXTURE(StandIns, "the pointers' alignment chooses the kernel") {
  const PlanPointer plan = make_plan(desc);
  const auto function_for = [&](const swiglu_forward_args& args) {
    REQUIRE(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
    return launch(stand_in_launch_count() - 1).function;
  };
  const void* const aligned = function_for(buffers.args(16));
  CHECK(function_for(buffers.args(16)) == aligned);
  std::set<const void*> others;
  for (const auto change : {+[](swiglu_forward_args&a, Buffers&b) { a.x = b.x.data() + 1; },
                            +[](swiglu_forward_args&a, Buffers&b) { a.w_gate = b.w_gate.data() + 4; },
                            +[](swiglu_forward_args&a, Buffers&b) { a.w_up = b.w_up.data() + 2; },
                            +[](swiglu_forward_args&a, Buffers&b) { a.out = b.out.data() + 1; }}) {
    swiglu_forward_args args = buffers.args(16);
    change(args, buffers);
    others.insert(function_for(args));
  }
  CHECK(others.size() == 1);
  CHECK(others.count(aligned) == 0);
}

TEST_CASE_FIXTURE(StandIns, "rows that are never aligned need one kernel only, beside those for copies") {
  desc.ld_out = desc.d_intermediate + 1;
  const PlanPointer plan = make_plan(desc);
  const Json json = describe(plan.get(), 16);
  CHECK(json["kernels"][0]["alignment"] == 2);
  for (std::size_t i = 1; i < json["kernels"].size(); ++i) {
    const Json& kernel = json["kernels"][i];
    CHECK((kernel["pass"] == "unpad" || kernel["alignment"] == 16));
  }
}

TEST_CASE_FIXTURE(StandIns, "CACHED_ONLY never compiles, and finds what was compiled before") {
  desc.tuning = SWIGLU_TUNING_CACHED_ONLY;
  const PlanPointer cached = make_plan(desc);
  check_failure(swiglu_plan_prepare(cached.get(), 16), SWIGLU_NOT_CACHED, {"no store", "swiglu compile"});
  const swiglu_forward_args args = buffers.args(16);
  CHECK(swiglu_execute(cached.get(), &args, nullptr) == SWIGLU_NOT_CACHED);
  CHECK(stand_in_nvrtc_compiles() == 0);
  CHECK(stand_in_launch_count() == 0);
  desc.tuning = SWIGLU_TUNING_ESTIMATE;
  REQUIRE(swiglu_plan_prepare(make_plan(desc).get(), 16) == SWIGLU_OK);
  CHECK(swiglu_execute(cached.get(), &args, nullptr) == SWIGLU_OK);
}

TEST_CASE_FIXTURE(StandIns, "CACHED_ONLY takes a cached kernel that is not the best rather than none") {
  const std::string cached_tile = describe(make_plan(desc).get(), 16)["kernels"][0]["tile"];
  desc.tuning = SWIGLU_TUNING_CACHED_ONLY;
  const PlanPointer plan = make_plan(desc);
  const std::uint64_t compiles = stand_in_nvrtc_compiles();
  CHECK(describe(plan.get(), 5000)["kernels"][0]["tile"] == cached_tile);
  CHECK(stand_in_nvrtc_compiles() == compiles);
}

TEST_CASE_FIXTURE(StandIns, "CACHED_ONLY passes over a cached kernel that the driver rejects") {
  desc.d_model -= 1;  // rows of no alignment: one kernel serves all pointers
  const auto tile = [](swiglu_plan* plan, std::int64_t m) { return describe(plan, m)["kernels"][0]["tile"]; };
  const PlanPointer compiling = make_plan(desc);
  const Json small = tile(compiling.get(), 8);
  REQUIRE(tile(compiling.get(), 5000) != small);
  desc.device = 1;  // where neither is loaded
  desc.tuning = SWIGLU_TUNING_CACHED_ONLY;
  const PlanPointer plan = make_plan(desc);
  stand_in_fail("cuLibraryLoadData", kCudaErrorInvalidImage, 0, 1);
  swiglu_forward_args args = buffers.args(1);
  args.m = 5000;
  args.out = reinterpret_cast<void*>(std::uintptr_t{1} << 40);  // of more rows than the buffers have; nothing is read
  args.x = reinterpret_cast<void*>(std::uintptr_t{2} << 40);
  // Executing loads what it wants and nothing beside it.
  CHECK_MESSAGE(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK, last_error());
  CHECK(tile(plan.get(), 5000) == small);
}

TEST_CASE_FIXTURE(StandIns, "a candidate that does not compile gives way to the next") {
  desc.device = 2;
  const PlanPointer plan = make_plan(desc);
  stand_in_nvrtc_fail(kNvrtcErrorCompilation, "error: out of luck", 1);
  const swiglu_forward_args args = buffers.args(16);
  CHECK_MESSAGE(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK, last_error());
  CHECK(stand_in_nvrtc_compiles() == 2);
}

TEST_CASE_FIXTURE(StandIns, "when none compiles, the error holds the compiler's words, and is not remembered") {
  const PlanPointer plan = make_plan(desc);
  stand_in_nvrtc_fail(kNvrtcErrorCompilation, "error: out of luck", 1000);
  check_failure(swiglu_plan_prepare(plan.get(), 16), SWIGLU_COMPILE_FAILED, {"out of luck"});
  CHECK(stand_in_nvrtc_compiles() <= 8);  // four tries for either alignment
  stand_in_nvrtc_reset();
  CHECK(swiglu_plan_prepare(plan.get(), 16) == SWIGLU_OK);
}

}  // namespace
}  // namespace swiglu_test
