// swiglu_execute: every argument, good and bad, on the CPU device. After a refusal no output has changed.
#include "api/api.h"

namespace swiglu_test {
namespace {

constexpr std::uint32_t kBothPasses = SWIGLU_PASS_FORWARD | SWIGLU_PASS_FORWARD_STORE;

struct Fixture {
  Fixture() {
    desc.passes = kBothPasses;
    plan = make_plan(desc);
  }

  template <typename Change>
  void check_refused(Change change, swiglu_status expected, std::initializer_list<const char*> texts,
                     bool store = true) {
    swiglu_forward_args args = buffers.args(16, store);
    change(args);
    check_failure(swiglu_execute(plan.get(), &args, nullptr), expected, texts);
    CHECK(buffers.untouched());
  }

  swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
  PlanPointer plan;
  Buffers buffers;
};

const void* later_by(const void* pointer, std::size_t bytes) { return static_cast<const char*>(pointer) + bytes; }
void* later_by(void* pointer, std::size_t bytes) { return static_cast<char*>(pointer) + bytes; }

TEST_CASE_FIXTURE(Fixture, "NULL, struct_size and m") {
  swiglu_forward_args args = buffers.args(16);
  check_failure(swiglu_execute(nullptr, &args, nullptr), SWIGLU_INVALID_ARGUMENT, {"plan is NULL"});
  check_failure(swiglu_execute(plan.get(), nullptr, nullptr), SWIGLU_INVALID_ARGUMENT, {"swiglu_forward_args is NULL"});
  check_refused([](auto& a) { a.struct_size = 0; }, SWIGLU_INVALID_ARGUMENT, {"struct_size is 0"});
  check_refused([](auto& a) { a.m = -1; }, SWIGLU_INVALID_ARGUMENT, {"m is -1"});
  swiglu_forward_args nothing{};
  nothing.struct_size = sizeof nothing;
  CHECK(swiglu_execute(plan.get(), &nothing, nullptr) == SWIGLU_OK);  // m = 0 looks at no pointer
  CHECK(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
}

TEST_CASE_FIXTURE(Fixture, "pointers that are NULL or misaligned") {
  check_refused([](auto& a) { a.x = nullptr; }, SWIGLU_INVALID_ARGUMENT, {"x is NULL", "16 rows of 64"});
  check_refused([](auto& a) { a.w_gate = nullptr; }, SWIGLU_INVALID_ARGUMENT, {"w_gate is NULL", "64 rows of 96"});
  check_refused([](auto& a) { a.w_up = nullptr; }, SWIGLU_INVALID_ARGUMENT, {"w_up is NULL"});
  check_refused([](auto& a) { a.out = nullptr; }, SWIGLU_INVALID_ARGUMENT, {"out is NULL"});
  check_refused([](auto& a) { a.g = nullptr; }, SWIGLU_INVALID_ARGUMENT, {"g is NULL and u is not"});
  check_refused([](auto& a) { a.u = nullptr; }, SWIGLU_INVALID_ARGUMENT, {"u is NULL and g is not"});
  check_refused([](auto& a) { a.x = later_by(a.x, 1); }, SWIGLU_INVALID_ARGUMENT, {"x is 0x", "aligned", "2 bytes"});
  check_refused([](auto& a) { a.w_up = later_by(a.w_up, 1); }, SWIGLU_INVALID_ARGUMENT, {"w_up is 0x"});
  check_refused([](auto& a) { a.u = later_by(a.u, 1); }, SWIGLU_INVALID_ARGUMENT, {"u is 0x"});
}

TEST_CASE("outputs of f64 must be aligned to 8 bytes") {
  swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
  desc.out_dtype = SWIGLU_F64;
  const PlanPointer plan = make_plan(desc);
  Buffers buffers;
  std::vector<double> out(16 * 96 + 1, 7.0);
  swiglu_forward_args args = buffers.args(16);
  args.out = later_by(static_cast<void*>(out.data()), 4);
  check_failure(swiglu_execute(plan.get(), &args, nullptr), SWIGLU_INVALID_ARGUMENT, {"out is 0x", "8 bytes"});
  CHECK(out == std::vector<double>(16 * 96 + 1, 7.0));
  args.out = out.data();
  CHECK(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
}

TEST_CASE("g and u ask for a pass that the plan must have") {
  Buffers buffers;
  for (const std::uint32_t passes : {SWIGLU_PASS_FORWARD, SWIGLU_PASS_FORWARD_STORE}) {
    swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
    desc.passes = passes;
    const PlanPointer plan = make_plan(desc);
    const swiglu_forward_args args = buffers.args(16, passes == SWIGLU_PASS_FORWARD);
    check_failure(swiglu_execute(plan.get(), &args, nullptr), SWIGLU_INVALID_ARGUMENT,
                  {"g and u", passes == SWIGLU_PASS_FORWARD ? "passes = 0x1" : "passes = 0x2"});
  }
  CHECK(buffers.untouched());
}

TEST_CASE_FIXTURE(Fixture, "overlapping outputs") {
  check_refused([](auto& a) { a.g = a.out; }, SWIGLU_INVALID_ARGUMENT, {"g (0x", "overlaps out"});
  check_refused([](auto& a) { a.u = a.g; }, SWIGLU_INVALID_ARGUMENT, {"u (0x", "overlaps g"});
  check_refused([](auto& a) { a.u = later_by(a.g, std::size_t{15} * 96 * 2 + 94 * 2); }, SWIGLU_INVALID_ARGUMENT,
                {"u (0x", "overlaps g"});
  check_refused([](auto& a) { a.out = const_cast<void*>(a.x); }, SWIGLU_INVALID_ARGUMENT, {"out (0x", "overlaps x"});
  check_refused([](auto& a) { a.out = const_cast<void*>(a.w_up); }, SWIGLU_INVALID_ARGUMENT, {"overlaps w_up"});
  swiglu_forward_args shared_inputs = buffers.args(16);
  shared_inputs.w_up = shared_inputs.w_gate;
  CHECK(swiglu_execute(plan.get(), &shared_inputs, nullptr) == SWIGLU_OK);  // inputs may
}

TEST_CASE("column halves of one padded matrix do not overlap") {
  swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
  desc.passes = SWIGLU_PASS_FORWARD_STORE;
  desc.ld_g = desc.ld_u = 200;
  const PlanPointer plan = make_plan(desc);
  Buffers buffers;
  std::vector<std::uint16_t> packed(std::size_t{16} * 200, Buffers::kPoison);
  swiglu_forward_args args = buffers.args(16, true);
  args.g = packed.data();
  args.u = packed.data() + 95;
  check_failure(swiglu_execute(plan.get(), &args, nullptr), SWIGLU_INVALID_ARGUMENT, {"overlaps g"});
  args.u = packed.data() + 96;
  CHECK(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
  for (std::size_t row = 0; row < 16; ++row) {
    for (std::size_t column = 192; column < 200; ++column) {
      CHECK(packed[row * 200 + column] == Buffers::kPoison);
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "extents that overflow for this m, and workspaces") {
  check_refused([](auto& a) { a.m = INT64_MAX; }, SWIGLU_INVALID_ARGUMENT, {"x at 0x", "9223372036854775807 rows"});
  check_refused([](auto& a) { a.m = std::int64_t{1} << 56; }, SWIGLU_INVALID_ARGUMENT, {"x at", "64-bit"});
  check_refused([](auto& a) { a.workspace_size = 16; }, SWIGLU_INVALID_ARGUMENT, {"workspace is NULL", "16"});
  char workspace[16];
  swiglu_forward_args args = buffers.args(16);
  args.workspace = workspace;
  args.workspace_size = sizeof workspace;
  CHECK(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
}

}  // namespace
}  // namespace swiglu_test
