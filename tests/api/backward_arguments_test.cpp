// swiglu_execute_backward: every argument, good and bad, on the CPU device. After a refusal no output has changed.
#include "api/api.h"

namespace swiglu_test {
namespace {

constexpr std::uint32_t kBothPasses = SWIGLU_PASS_BACKWARD | SWIGLU_PASS_BACKWARD_RECOMPUTE;
constexpr std::int64_t kM = 16;

// Of description(), all in bf16. Outputs are poisoned.
struct BackwardBuffers {
  static constexpr std::uint16_t kPoison = 0xdead;

  BackwardBuffers() {
    for (auto* input : {&dout, &g, &u}) {
      input->assign(kM * 96 + 8, 0x3c00);
    }
  }

  swiglu_backward_args args() {
    swiglu_backward_args args{};
    args.struct_size = sizeof args;
    args.m = kM;
    args.dout = dout.data();
    args.x = forward.x.data();
    args.w_gate = forward.w_gate.data();
    args.w_up = forward.w_up.data();
    args.g = g.data();
    args.u = u.data();
    args.dx = dx.data();
    args.dw_gate = dw_gate.data();
    args.dw_up = dw_up.data();
    args.workspace = workspace.data();
    args.workspace_size = workspace.size() * sizeof(double);
    return args;
  }

  bool untouched() const {
    bool same = true;
    for (const auto* output : {&dx, &dw_gate, &dw_up}) {
      for (const std::uint16_t element : *output) {
        same = same && element == kPoison;
      }
    }
    for (const double element : workspace) {
      same = same && element == 7;
    }
    return same;
  }

  Buffers forward;
  std::vector<std::uint16_t> dout, g, u;
  std::vector<std::uint16_t> dx = std::vector<std::uint16_t>(kM * 64, kPoison);
  std::vector<std::uint16_t> dw_gate = std::vector<std::uint16_t>(64 * 96, kPoison);
  std::vector<std::uint16_t> dw_up = std::vector<std::uint16_t>(64 * 96, kPoison);
  std::vector<double> workspace = std::vector<double>(kM * 96, 7.0);  // 2 x [m, d_intermediate] of f32
};

const void* later_by(const void* pointer, std::size_t bytes) { return static_cast<const char*>(pointer) + bytes; }
void* later_by(void* pointer, std::size_t bytes) { return static_cast<char*>(pointer) + bytes; }

struct Fixture {
  Fixture() {
    desc.passes = kBothPasses;
    plan = make_plan(desc);
  }

  template <typename Change>
  void check_refused(Change change, swiglu_status expected, std::initializer_list<const char*> texts) {
    swiglu_backward_args args = buffers.args();
    change(args);
    check_failure(swiglu_execute_backward(plan.get(), &args, nullptr), expected, texts);
    CHECK(buffers.untouched());
  }

  template <typename Change>
  void check_taken(Change change) {
    swiglu_backward_args args = buffers.args();
    change(args);
    CHECK_MESSAGE(swiglu_execute_backward(plan.get(), &args, nullptr) == SWIGLU_OK, last_error());
  }

  swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
  PlanPointer plan;
  BackwardBuffers buffers;
};

TEST_CASE_FIXTURE(Fixture, "backward: NULL, struct_size, m and dw_beta") {
  const swiglu_backward_args args = buffers.args();
  check_failure(swiglu_execute_backward(nullptr, &args, nullptr), SWIGLU_INVALID_ARGUMENT, {"plan is NULL"});
  check_failure(swiglu_execute_backward(plan.get(), nullptr, nullptr), SWIGLU_INVALID_ARGUMENT,
                {"swiglu_backward_args is NULL"});
  check_refused([](auto& a) { a.struct_size = 0; }, SWIGLU_INVALID_ARGUMENT, {"struct_size is 0"});
  check_refused([](auto& a) { a.struct_size = sizeof a - 8; }, SWIGLU_INVALID_ARGUMENT, {"struct_size"});
  check_refused([](auto& a) { a.m = -1; }, SWIGLU_INVALID_ARGUMENT, {"m is -1"});
  check_refused([](auto& a) { a.dw_beta = 2; }, SWIGLU_INVALID_ARGUMENT, {"dw_beta is 2"});
  check_refused([](auto& a) { a.dw_beta = -1; }, SWIGLU_INVALID_ARGUMENT, {"dw_beta is -1"});
}

TEST_CASE_FIXTURE(Fixture, "backward: pointers that are NULL or misaligned") {
  check_refused([](auto& a) { a.dout = nullptr; }, SWIGLU_INVALID_ARGUMENT, {"dout is NULL", "16 rows of 96"});
  check_refused([](auto& a) { a.x = nullptr; }, SWIGLU_INVALID_ARGUMENT, {"x is NULL"});
  check_refused([](auto& a) { a.w_gate = nullptr; }, SWIGLU_INVALID_ARGUMENT, {"w_gate is NULL", "64 rows of 96"});
  check_refused([](auto& a) { a.w_up = nullptr; }, SWIGLU_INVALID_ARGUMENT, {"w_up is NULL"});
  check_refused([](auto& a) { a.g = nullptr; }, SWIGLU_INVALID_ARGUMENT, {"g is NULL and u is not", "RECOMPUTE"});
  check_refused([](auto& a) { a.u = nullptr; }, SWIGLU_INVALID_ARGUMENT, {"u is NULL and g is not"});
  check_refused([](auto& a) { a.dout = later_by(a.dout, 1); }, SWIGLU_INVALID_ARGUMENT, {"dout is 0x", "aligned"});
  check_refused([](auto& a) { a.dx = later_by(a.dx, 1); }, SWIGLU_INVALID_ARGUMENT, {"dx is 0x", "2 bytes"});
  check_refused([](auto& a) { a.dw_up = later_by(a.dw_up, 1); }, SWIGLU_INVALID_ARGUMENT, {"dw_up is 0x"});
}

TEST_CASE_FIXTURE(Fixture, "backward: inputs that are not read may be NULL") {
  check_taken([](auto& a) { a.w_gate = a.w_up = a.dx = nullptr; });
  check_taken([](auto& a) { a.x = a.dw_gate = a.dw_up = nullptr; });
  check_taken([](auto& a) {
    a.x = a.w_gate = a.w_up = a.dx = a.dw_gate = a.dw_up = a.workspace = nullptr, a.workspace_size = 0;
  });
  // Recomputing reads all of them.
  check_failure(
      [&] {
        swiglu_backward_args args = buffers.args();
        args.g = args.u = args.w_up = args.dx = nullptr;
        return swiglu_execute_backward(plan.get(), &args, nullptr);
      }(),
      SWIGLU_INVALID_ARGUMENT, {"w_up is NULL"});
}

TEST_CASE_FIXTURE(Fixture, "backward: overlaps") {
  check_refused([](auto& a) { a.dw_up = a.dw_gate; }, SWIGLU_INVALID_ARGUMENT, {"dw_up (0x", "overlaps dw_gate"});
  check_refused([](auto& a) { a.dx = const_cast<void*>(a.x); }, SWIGLU_INVALID_ARGUMENT, {"dx (0x", "overlaps x"});
  check_refused([](auto& a) { a.dw_gate = const_cast<void*>(a.w_gate); }, SWIGLU_INVALID_ARGUMENT,
                {"dw_gate (0x", "overlaps w_gate"});
  check_refused([](auto& a) { a.dx = const_cast<void*>(a.dout); }, SWIGLU_INVALID_ARGUMENT,
                {"dx (0x", "overlaps dout"});
  check_refused([](auto& a) { a.dx = later_by(a.workspace, 64); }, SWIGLU_INVALID_ARGUMENT,
                {"workspace", "overlaps dx"});
  check_refused([](auto& a) { a.u = later_by(a.workspace, 64); }, SWIGLU_INVALID_ARGUMENT, {"workspace", "overlaps u"});
  check_taken([](auto& a) { a.u = a.g; });  // inputs may
}

TEST_CASE_FIXTURE(Fixture, "backward: workspace") {
  std::size_t bytes = 0;
  for (const std::uint32_t pass : {SWIGLU_PASS_BACKWARD, SWIGLU_PASS_BACKWARD_RECOMPUTE}) {
    REQUIRE(swiglu_plan_workspace_size(plan.get(), pass, kM, &bytes) == SWIGLU_OK);
    CHECK(bytes == buffers.workspace.size() * sizeof(double));
  }
  check_failure(swiglu_plan_workspace_size(plan.get(), SWIGLU_PASS_FORWARD, kM, &bytes), SWIGLU_INVALID_ARGUMENT,
                {"pass is 0x1", "passes = 0xc"});
  check_failure(swiglu_plan_workspace_size(plan.get(), kBothPasses, kM, &bytes), SWIGLU_INVALID_ARGUMENT,
                {"pass is 0xc"});
  check_failure(swiglu_plan_workspace_size(plan.get(), SWIGLU_PASS_BACKWARD, INT64_MAX, &bytes),
                SWIGLU_INVALID_ARGUMENT, {"m is 9223372036854775807", "overflow"});
  check_refused([](auto& a) { a.workspace_size -= 1; }, SWIGLU_WORKSPACE_TOO_SMALL, {"workspace_size is", "m = 16"});
  check_refused([](auto& a) { a.workspace = nullptr; }, SWIGLU_INVALID_ARGUMENT, {"workspace is NULL"});
  check_refused([](auto& a) { a.workspace = later_by(a.workspace, 8); }, SWIGLU_INVALID_ARGUMENT,
                {"workspace is 0x", "16 bytes"});
}

TEST_CASE_FIXTURE(Fixture, "backward: no tokens") {
  swiglu_backward_args nothing{};
  nothing.struct_size = sizeof nothing;
  CHECK(swiglu_execute_backward(plan.get(), &nothing, nullptr) == SWIGLU_OK);
  nothing.dx = buffers.dx.data();
  nothing.dw_gate = buffers.dw_gate.data();
  nothing.dw_up = buffers.dw_up.data();
  nothing.dw_beta = 1;
  CHECK(swiglu_execute_backward(plan.get(), &nothing, nullptr) == SWIGLU_OK);
  CHECK(buffers.untouched());
  nothing.dw_beta = 0;
  nothing.dw_up = nullptr;
  CHECK(swiglu_execute_backward(plan.get(), &nothing, nullptr) == SWIGLU_OK);
  CHECK(buffers.dw_gate == std::vector<std::uint16_t>(buffers.dw_gate.size(), 0));
  buffers.dw_gate.assign(buffers.dw_gate.size(), BackwardBuffers::kPoison);
  CHECK(buffers.untouched());
}

TEST_CASE("backward: the plan must have been made for the pass") {
  BackwardBuffers buffers;
  for (const std::uint32_t passes : {SWIGLU_PASS_FORWARD, SWIGLU_PASS_BACKWARD, SWIGLU_PASS_BACKWARD_RECOMPUTE}) {
    swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
    desc.passes = passes;
    const PlanPointer plan = make_plan(desc);
    swiglu_backward_args args = buffers.args();
    if (passes == SWIGLU_PASS_BACKWARD) {
      args.g = args.u = nullptr;
    }
    check_failure(swiglu_execute_backward(plan.get(), &args, nullptr), SWIGLU_INVALID_ARGUMENT,
                  {"passes = 0x", passes == SWIGLU_PASS_BACKWARD ? "RECOMPUTE" : "BACKWARD"});
  }
  CHECK(buffers.untouched());
}

TEST_CASE_FIXTURE(Fixture, "backward: what describe says of workspace and of what is kept") {
  const Json json = Json::parse(text_of([&](char* buffer, size_t size, size_t* needed) {
    return swiglu_plan_describe(plan.get(), 100, buffer, size, needed);
  }));
  REQUIRE(json["backward"].size() == 2);
  CHECK(json["backward"][0]["pass"] == "backward");
  CHECK(json["backward"][0]["workspace_bytes"] == 2 * 100 * 96 * 4);
  CHECK(json["backward"][0]["kept_bytes"] == 100 * (64 + 2 * 96) * 2);
  CHECK(json["backward"][1]["pass"] == "backward_recompute");
  CHECK(json["backward"][1]["kept_bytes"] == 100 * 64 * 2);
  CHECK(json["kernels"].size() == 2);
}

}  // namespace
}  // namespace swiglu_test
