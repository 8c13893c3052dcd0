// Where the copies of padded rows lie, what the product is given, and where going by way of them is chosen.
#include "plan/padding.h"

#include <doctest/doctest.h>

#include <cstdint>

#include "base/error.h"
#include "plan/padding_choice.h"
#include "unit/plan/plan_data.h"

namespace swiglu {
namespace {

constexpr std::uintptr_t kWorkspace = 0xa00000000;

// x at 2 bytes, w_gate at 16, w_up at 8; out at 4, g at 16, u at 2.
swiglu_plan_desc description() {
  swiglu_plan_desc desc = f16_description(SWIGLU_PASS_FORWARD | SWIGLU_PASS_FORWARD_STORE, 1001, 2000);
  desc.ld_w_up = 2004;
  desc.ld_out = 2002;
  desc.ld_u = 2001;
  return desc;
}

ForwardParams arguments(std::int64_t m) {
  ForwardParams params{};
  params.x = address(0x100000002);
  params.w_gate = address(0x200000000);
  params.w_up = address(0x300000008);
  params.out = address(0x400000002);
  params.g = address(0x500000000);
  params.u = address(0x600000002);
  params.m = m;
  return params;
}

PaddedForward padded(Pass pass, const ForwardParams& params) {
  return {check_description(description()), pass, params, address(kWorkspace)};
}

void check_copy(const CopyParams::Matrix& copy, const void* from, const void* to, long long rows, long long ld_from,
                long long ld_to) {
  CHECK(copy.from == from);
  CHECK(copy.to == to);
  CHECK(copy.rows == rows);
  CHECK(copy.ld_from == ld_from);
  CHECK(copy.ld_to == ld_to);
}

TEST_CASE("what needs it is copied, the rest is used in place") {
  const ForwardParams given = arguments(100);
  const PaddedForward way = padded(Pass::forward_store, given);
  const ForwardParams& product = way.product;
  CHECK(way.pointers_suit);
  CHECK(way.inputs.any);
  CHECK(way.outputs.any);
  CHECK(product.x == address(kWorkspace));
  CHECK(product.ld_x == 1008);
  CHECK(product.w_gate == given.w_gate);
  CHECK(product.ld_w_gate == 2000);
  CHECK(product.ld_w_up == 2000);
  CHECK(product.ld_out == 2000);
  CHECK(product.g == given.g);
  CHECK(product.ld_g == 2000);
  CHECK(product.ld_u == 2000);
  CHECK(product.m == 100);
  check_copy(way.inputs.params.matrices[0], given.x, product.x, 100, 1001, 1008);
  CHECK(way.inputs.params.matrices[1].rows == 0);
  check_copy(way.inputs.params.matrices[2], given.w_up, product.w_up, 1001, 2004, 2000);
  check_copy(way.outputs.params.matrices[0], product.out, given.out, 100, 2000, 2002);
  CHECK(way.outputs.params.matrices[1].rows == 0);
  check_copy(way.outputs.params.matrices[2], product.u, given.u, 100, 2000, 2001);
  // One after another, at multiples of 256 bytes, and nothing more.
  const auto at = [](const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); };
  CHECK(at(product.w_up) == kWorkspace + (100 * 1008 * 2 + 255) / 256 * 256);
  CHECK(at(product.out) == at(product.w_up) + (1001 * 2000 * 2 + 255) / 256 * 256);
  CHECK(at(product.u) == at(product.out) + (100 * 2000 * 2 + 255) / 256 * 256);
  CHECK(way.bytes == at(product.u) - kWorkspace + (100 * 2000 * 2 + 255) / 256 * 256);
  CHECK(way.bytes == padded_forward(check_description(description()), Pass::forward_store, 100).bytes);
}

TEST_CASE("without g and u theirs is nobody's business") {
  ForwardParams given = arguments(100);
  given.g = nullptr;
  given.u = nullptr;
  const PaddedForward way = padded(Pass::forward, given);
  CHECK(way.product.g == nullptr);
  CHECK(way.product.u == nullptr);
  CHECK(way.outputs.params.matrices[2].rows == 0);
  CHECK(way.bytes < padded(Pass::forward_store, arguments(100)).bytes);
}

TEST_CASE("pointers that the copies and the product cannot take") {
  for (const auto change : {+[](ForwardParams& p) { p.w_gate = address(0x200000008); },  // in place: 16 bytes
                            +[](ForwardParams& p) { p.g = address(0x500000002); }}) {
    ForwardParams given = arguments(100);
    change(given);
    CHECK_FALSE(padded(Pass::forward_store, given).pointers_suit);
  }
  swiglu_plan_desc desc = description();
  desc.ld_x = 1004;  // inputs are copied by 8 bytes
  const PlanSpec spec = check_description(desc);
  CHECK_FALSE(PaddedForward(spec, Pass::forward_store, arguments(100), nullptr).pointers_suit);
  ForwardParams given = arguments(100);
  given.x = address(0x100000008);
  CHECK(PaddedForward(spec, Pass::forward_store, given, nullptr).pointers_suit);
}

TEST_CASE("problems of the copies") {
  const PlanSpec spec = check_description(description());
  CHECK(problem_of(spec, Pass::pad).access_bytes == 2);
  CHECK(problem_of(spec, Pass::pad).accum == Accum::f32);
  CHECK(problem_of(spec, Pass::unpad).access_bytes == 2);  // u's
  CHECK(wants(spec, Pass::pad));
  CHECK(wants(spec, Pass::unpad));
  swiglu_plan_desc desc = description();
  desc.passes = SWIGLU_PASS_FORWARD;
  CHECK(problem_of(check_description(desc), Pass::unpad).access_bytes == 4);
  desc.ld_out = 0;
  CHECK_FALSE(wants(check_description(desc), Pass::unpad));
  CHECK(needs_padding(std::int64_t{1} << 39));  // in bytes 2^40: longer than a tensor map's rows
  CHECK_FALSE(needs_padding((std::int64_t{1} << 39) - 8));
}

TEST_CASE("a workspace beyond 64 bits is refused") {
  const PlanSpec spec = check_description(description());
  CHECK_THROWS_AS(padded_forward(spec, Pass::forward, std::int64_t{1} << 53), Error);
  CHECK_THROWS_AS(padded_forward(spec, Pass::forward, INT64_MAX), Error);
}

struct Chosen {
  swiglu_plan_desc desc = description();

  Chosen() {
    desc.accum = SWIGLU_ACCUM_F32;
    desc.d_model = 4097;
    desc.d_intermediate = 14337;
    desc.ld_w_up = desc.ld_out = desc.ld_u = 0;
  }
  bool pads(const char* arch_name, std::int64_t m, Pass pass = Pass::forward) const {
    const PlanSpec spec = check_description(desc);
    const Arch arch = *find_arch(arch_name);
    const PaddingChoice choice(spec, arch, arch.representative);
    const int bucket = bucket_for(spec, m);
    CHECK(choice.any(bucket) == (choice(Pass::forward, bucket) || choice(Pass::forward_store, bucket)));
    return choice(pass, bucket);
  }
};

TEST_CASE_FIXTURE(Chosen, "copies are chosen where the product is long enough to gain by them") {
  for (const char* arch : {"sm_80", "sm_90a", "sm_100a"}) {
    CAPTURE(arch);
    CHECK(pads(arch, 8192));
    CHECK(pads(arch, 8192, Pass::forward_store));
    CHECK_FALSE(pads(arch, 1));  // the weights' copies alone take longer
    CHECK_FALSE(pads(arch, 8192, Pass::dx));
  }
  CHECK_FALSE(pads("sm_75", 8192));  // simt, whose loads matter little
}

TEST_CASE_FIXTURE(Chosen, "a batch-invariant plan decides once for every m") {
  desc.options = SWIGLU_OPTION_BATCH_INVARIANT;
  CHECK(pads("sm_90a", 1));
  CHECK(pads("sm_90a", 8192));
  CHECK_FALSE(pads("sm_75", 1));
}

TEST_CASE_FIXTURE(Chosen, "rows of 16-byte multiples are never copied") {
  desc.d_model = 4096;
  desc.d_intermediate = 14336;
  CHECK_FALSE(pads("sm_90a", 8192));
}

}  // namespace
}  // namespace swiglu
