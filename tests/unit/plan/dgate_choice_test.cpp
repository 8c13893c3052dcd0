// Which kernel computes dg and du, on paper.
#include "plan/dgate_choice.h"

#include <doctest/doctest.h>

#include <cstdint>

#include "unit/plan/plan_data.h"

namespace swiglu {
namespace {

Dgate chosen(const swiglu_plan_desc& desc, std::int64_t m, const char* arch_name = "sm_90a") {
  const PlanSpec spec = check_description(desc);
  const Arch arch = known_arch(arch_name);
  const DgateChoice choice(spec, arch, arch.representative);
  const Dgate answer = choice(bucket_for(spec, m));
  CHECK(choice(bucket_for(spec, m)) == answer);
  return answer;
}

swiglu_plan_desc description(std::int64_t d_model, std::int64_t d_intermediate) {
  swiglu_plan_desc desc = f16_description(SWIGLU_PASS_BACKWARD, d_model, d_intermediate);
  desc.accum = SWIGLU_ACCUM_F32;
  return desc;
}

TEST_CASE("where there is much to compute dg and du are computed beside dx") {
  CHECK(chosen(description(2048, 6144), 8192) == Dgate::beside_dx);
  CHECK(chosen(description(2048, 6144), 4096) == Dgate::beside_dx);
  CHECK(chosen(description(4096, 12288), 8192) == Dgate::beside_dx);
}

TEST_CASE("where all tiles of dW are computed at once they are computed beside them") {
  CHECK(chosen(description(1024, 3072), 8192) == Dgate::beside_dw);
  CHECK(chosen(description(1024, 3072), 16384) == Dgate::beside_dw);
}

TEST_CASE("where all of the product is soon done the first tiles would wait too long for them") {
  CHECK(chosen(description(512, 1536), 16384) == Dgate::apart);
  CHECK(chosen(description(4096, 14336), 128) == Dgate::apart);
  CHECK(chosen(description(1024, 3072), 1) == Dgate::apart);
}

TEST_CASE("not by tiles by which the product alone would take longer") {
  CHECK(chosen(description(1536, 4608), 8192) == Dgate::apart);
}

TEST_CASE("only sm_90a has a kernel for it, and only for rows at multiples of 16 bytes") {
  CHECK(chosen(description(2048, 6144), 8192, "sm_80") == Dgate::apart);
  CHECK(chosen(description(2048, 6148), 8192) == Dgate::apart);
  swiglu_plan_desc desc = description(2048, 6144);
  desc.ld_g = 6146;
  CHECK(chosen(desc, 8192) == Dgate::apart);
}

TEST_CASE("nobody who recomputes asks for it, and one kernel for every m is one answer") {
  CHECK(chosen(f16_description(SWIGLU_PASS_BACKWARD_RECOMPUTE, 2048, 6144), 8192) == Dgate::apart);
  swiglu_plan_desc desc = description(2048, 6144);
  desc.options = SWIGLU_OPTION_BATCH_INVARIANT;
  CHECK(chosen(desc, 1) == chosen(desc, 8192));
}

}  // namespace
}  // namespace swiglu
