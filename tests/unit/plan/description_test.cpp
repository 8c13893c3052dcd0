// What a description becomes. Refusals and their texts are tested through the API (tests/api).
#include "plan/description.h"

#include <doctest/doctest.h>

namespace swiglu {
namespace {

swiglu_plan_desc description() {
  swiglu_plan_desc desc{};
  desc.struct_size = sizeof desc;
  desc.dtype = SWIGLU_BF16;
  desc.accum = SWIGLU_ACCUM_F32;
  desc.weight_layout = SWIGLU_KN;
  desc.d_model = 4096;
  desc.d_intermediate = 14336;
  desc.device = 0;
  return desc;
}

TEST_CASE("zeros become defaults") {
  const PlanSpec spec = check_description(description());
  CHECK(spec.passes == SWIGLU_PASS_FORWARD);
  CHECK(spec.out_dtype == SWIGLU_BF16);
  CHECK(spec.ld_x == 4096);
  CHECK(spec.ld_w_gate == 14336);
  CHECK(spec.ld_u == 14336);
  CHECK_FALSE(spec.cached_only);
  swiglu_plan_desc nk = description();
  nk.weight_layout = SWIGLU_NK;
  CHECK(check_description(nk).ld_w_up == 4096);
}

TEST_CASE("row pitches alone decide the access width, and each pass by its own matrices") {
  swiglu_plan_desc desc = description();
  desc.passes = SWIGLU_PASS_FORWARD | SWIGLU_PASS_FORWARD_STORE;
  const auto access = [&](Pass pass) { return problem_of(check_description(desc), pass).access_bytes; };
  CHECK(access(Pass::forward) == 16);
  desc.ld_x = 4100;  // 8200 bytes
  CHECK(access(Pass::forward) == 8);
  desc.ld_w_up = 14338;
  CHECK(access(Pass::forward) == 4);
  desc.ld_out = 14337;
  CHECK(access(Pass::forward) == 2);
  desc = description();
  desc.passes = SWIGLU_PASS_FORWARD | SWIGLU_PASS_FORWARD_STORE;
  desc.ld_g = 14337;
  CHECK(access(Pass::forward) == 16);
  CHECK(access(Pass::forward_store) == 2);
  CHECK(unaligned(problem_of(check_description(desc), Pass::forward)).access_bytes == 2);
}

TEST_CASE("accumulators of f16 problems") {
  swiglu_plan_desc desc = description();
  desc.dtype = SWIGLU_F16;
  desc.accum = SWIGLU_ACCUM_F16_PROMOTED;
  CHECK(problem_of(check_description(desc), Pass::forward).accum == Accum::f16_promoted);
  desc.accum = SWIGLU_ACCUM_F16;
  CHECK(problem_of(check_description(desc), Pass::forward).accum == Accum::f16);
}

}  // namespace
}  // namespace swiglu
