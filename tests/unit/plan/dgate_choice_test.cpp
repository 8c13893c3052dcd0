// Where dg and du are computed beside dx, on paper.
#include "plan/dgate_choice.h"

#include <doctest/doctest.h>

#include <cstdint>

#include "unit/plan/plan_data.h"

namespace swiglu {
namespace {

bool beside(const swiglu_plan_desc& desc, std::int64_t m, const char* arch_name = "sm_90a") {
  const PlanSpec spec = check_description(desc);
  const Arch arch = known_arch(arch_name);
  const DgateChoice choice(spec, arch, arch.representative);
  const bool answer = choice(bucket_for(spec, m));
  CHECK(choice(bucket_for(spec, m)) == answer);
  return answer;
}

swiglu_plan_desc description(std::int64_t d_model, std::int64_t d_intermediate) {
  swiglu_plan_desc desc = f16_description(SWIGLU_PASS_BACKWARD, d_model, d_intermediate);
  desc.accum = SWIGLU_ACCUM_F32;
  return desc;
}

TEST_CASE("where there is much to compute dg and du are computed beside dx") {
  CHECK(beside(description(2048, 6144), 8192));
  CHECK(beside(description(2048, 6144), 4096));
}

TEST_CASE("where dx alone takes larger tiles they are two kernels") {
  CHECK_FALSE(beside(description(4096, 12288), 8192));
}

TEST_CASE("where all of dx is soon done the first tiles would wait too long for them") {
  CHECK_FALSE(beside(description(512, 1536), 16384));
  CHECK_FALSE(beside(description(4096, 14336), 128));
  CHECK_FALSE(beside(description(1024, 3072), 1));
}

TEST_CASE("only sm_90a has a kernel for it, and only for rows at multiples of 16 bytes") {
  CHECK_FALSE(beside(description(2048, 6144), 8192, "sm_80"));
  CHECK_FALSE(beside(description(2048, 6148), 8192));
  swiglu_plan_desc desc = description(2048, 6144);
  desc.ld_g = 6146;
  CHECK_FALSE(beside(desc, 8192));
}

TEST_CASE("nobody who recomputes asks for it, and one kernel for every m is one answer") {
  CHECK_FALSE(beside(f16_description(SWIGLU_PASS_BACKWARD_RECOMPUTE, 2048, 6144), 8192));
  swiglu_plan_desc desc = description(2048, 6144);
  desc.options = SWIGLU_OPTION_BATCH_INVARIANT;
  CHECK(beside(desc, 1) == beside(desc, 8192));
}

}  // namespace
}  // namespace swiglu
