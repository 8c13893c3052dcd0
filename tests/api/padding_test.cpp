// Rows whose pitch is no multiple of 16 bytes on stand-in devices: with a workspace lent and without.
#include "api/device_environment.h"

#include <cstring>
#include <memory>
#include <set>

namespace swiglu_test {
namespace {

// CopyParams' matrices, as far as a recorded launch holds them.
struct Copied {
  const void* from;
  void* to;
  long long rows;
  long long ld_from;
  long long ld_to;
};

// x and out at rows of 2 bytes, the weights at 16; large enough, on sm_90a, for copies to be worth it.
struct Padded : StandIns {
  Padded() {
    desc.passes = SWIGLU_PASS_FORWARD | SWIGLU_PASS_FORWARD_STORE;
    desc.d_model += kMostModel;  // long rows, and no other test's
    desc.ld_x = desc.d_model + 1;
    desc.ld_out = desc.ld_u = desc.d_intermediate + 1;
  }

  static std::size_t workspace_size(const PlanPointer& plan, std::int64_t m, std::uint32_t pass = SWIGLU_PASS_FORWARD) {
    std::size_t bytes = 0;
    CHECK(swiglu_plan_workspace_size(plan.get(), pass, m, &bytes) == SWIGLU_OK);
    return bytes;
  }

  swiglu_forward_args args(const PlanPointer& plan, std::int64_t m, bool store = false) {
    swiglu_forward_args args = buffers.args(m, store);
    args.workspace_size = workspace_size(plan, m, store ? SWIGLU_PASS_FORWARD_STORE : SWIGLU_PASS_FORWARD);
    workspace.resize(args.workspace_size + 32);
    args.workspace = reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(workspace.data()) + 15) / 16 * 16);
    return args;
  }

  static Copied copied(int index) {
    Copied first{};
    std::memcpy(&first, launch(index).params, sizeof first);
    return first;
  }

  static constexpr std::int64_t kM = 100;
  std::vector<char> workspace;
};

TEST_CASE_FIXTURE(Padded, "padded rows: x in, the product, out back, all prepared") {
  const PlanPointer plan = make_plan(desc);
  REQUIRE(swiglu_plan_prepare(plan.get(), kM) == SWIGLU_OK);
  const std::uint64_t compiles = stand_in_nvrtc_compiles();
  const swiglu_forward_args lent = args(plan, kM);
  const std::int64_t ld_x = (desc.d_model + 7) / 8 * 8;
  CHECK(lent.workspace_size >= static_cast<std::size_t>(kM * (ld_x + 96) * 2));
  void* const stream = stream_of(0);
  REQUIRE_MESSAGE(swiglu_execute(plan.get(), &lent, stream) == SWIGLU_OK, last_error());
  REQUIRE(stand_in_launch_count() == 3);
  const Copied x = copied(0);
  CHECK(x.from == lent.x);
  CHECK(x.to == lent.workspace);
  CHECK(x.rows == kM);
  CHECK(x.ld_from == desc.ld_x);
  CHECK(x.ld_to == ld_x);
  const Copied out = copied(2);
  CHECK(out.to == lent.out);
  CHECK(out.rows == kM);
  CHECK(out.ld_from == 96);
  CHECK(out.ld_to == 97);
  std::set<const void*> functions;
  for (int i = 0; i < 3; ++i) {
    CHECK(launch(i).stream == stream);
    functions.insert(launch(i).function);
  }
  CHECK(functions.size() == 3);
  const swiglu_forward_args store = args(plan, kM, true);
  REQUIRE(swiglu_execute(plan.get(), &store, stream) == SWIGLU_OK);
  REQUIRE(stand_in_launch_count() == 6);
  CHECK(launch(3).function == launch(0).function);
  CHECK(launch(4).function != launch(1).function);
  CHECK(launch(5).function == launch(2).function);
  CHECK(stand_in_nvrtc_compiles() == compiles);
}

TEST_CASE_FIXTURE(Padded, "padded rows: without the workspace, or for pointers that do not suit, one kernel") {
  const PlanPointer plan = make_plan(desc);
  REQUIRE(swiglu_plan_prepare(plan.get(), kM) == SWIGLU_OK);
  const std::uint64_t compiles = stand_in_nvrtc_compiles();
  const swiglu_forward_args lent = args(plan, kM);
  REQUIRE(swiglu_execute(plan.get(), &lent, nullptr) == SWIGLU_OK);
  REQUIRE(stand_in_launch_count() == 3);
  std::set<const void*> functions;
  for (const auto change : {+[](swiglu_forward_args&a, Buffers&) { a.workspace = nullptr, a.workspace_size = 0; },
                            +[](swiglu_forward_args&a, Buffers&) { a.workspace_size -= 1; },
                            +[](swiglu_forward_args&a, Buffers&b) { a.w_gate = b.w_gate.data() + 4; }}) {
    swiglu_forward_args without = lent;
    change(without, buffers);
    REQUIRE(swiglu_execute(plan.get(), &without, nullptr) == SWIGLU_OK);
    functions.insert(launch(stand_in_launch_count() - 1).function);
  }
  CHECK(stand_in_launch_count() == 6);
  CHECK(functions.size() == 1);
  CHECK(functions.count(launch(1).function) == 0);
  CHECK(stand_in_nvrtc_compiles() == compiles);
}

TEST_CASE_FIXTURE(Padded, "padded rows: a workspace that is lent must be aligned and apart from all operands") {
  const PlanPointer plan = make_plan(desc);
  const swiglu_forward_args lent = args(plan, kM);
  const auto check_refused = [&](void* where, std::initializer_list<const char*> texts) {
    swiglu_forward_args bad = lent;
    bad.workspace = where;
    check_failure(swiglu_execute(plan.get(), &bad, nullptr), SWIGLU_INVALID_ARGUMENT, texts);
  };
  check_refused(nullptr, {"workspace is NULL"});
  check_refused(static_cast<char*>(lent.workspace) + 8, {"workspace is 0x", "16 bytes"});
  // The workspace's last bytes are an operand's first; there is room for either, so that nothing else overlaps.
  std::vector<char> arena(lent.workspace_size + (std::size_t{1} << 20));
  void* first = arena.data();
  std::size_t room = arena.size();
  REQUIRE(std::align(16, lent.workspace_size, first, room) != nullptr);
  void* const last = static_cast<char*>(first) + (lent.workspace_size - 1) / 16 * 16;
  const auto check_overlap = [&](const char* text, const auto& place) {
    swiglu_forward_args bad = lent;
    bad.workspace = first;
    place(bad);
    check_failure(swiglu_execute(plan.get(), &bad, nullptr), SWIGLU_INVALID_ARGUMENT, {"workspace (0x", text});
  };
  check_overlap("overlaps out", [&](swiglu_forward_args& bad) { bad.out = last; });
  check_overlap("overlaps x", [&](swiglu_forward_args& bad) { bad.x = last; });
  check_overlap("overlaps w_gate", [&](swiglu_forward_args& bad) { bad.w_gate = last; });
  CHECK(stand_in_launch_count() == 0);
  swiglu_forward_args small = lent;
  small.workspace = buffers.out.data();
  small.workspace_size = 16;  // too small to be used, and so not looked at
  CHECK(swiglu_execute(plan.get(), &small, nullptr) == SWIGLU_OK);
}

TEST_CASE_FIXTURE(Padded, "padded rows: capture wants every kernel prepared before any is launched") {
  const PlanPointer plan = make_plan(desc);
  void* const stream = stream_of(0);
  const swiglu_forward_args lent = args(plan, kM);
  stand_in_begin_capture(stream);
  check_failure(swiglu_execute(plan.get(), &lent, stream), SWIGLU_NOT_PREPARED, {"m = 100"});
  CHECK(stand_in_launch_count() == 0);
  CHECK(stand_in_end_capture(stream));
  REQUIRE(swiglu_plan_prepare(plan.get(), kM) == SWIGLU_OK);
  stand_in_begin_capture(stream);
  CHECK(swiglu_execute(plan.get(), &lent, stream) == SWIGLU_OK);
  const swiglu_forward_args without = buffers.args(kM);
  CHECK(swiglu_execute(plan.get(), &without, stream) == SWIGLU_OK);
  CHECK(stand_in_end_capture(stream));
  check_all_captured(4);
}

TEST_CASE_FIXTURE(Padded, "padded rows: describe tells the workspace, the steps and their kernels") {
  const PlanPointer plan = make_plan(desc);
  const Json json = describe(plan.get(), kM);
  REQUIRE(json["padded"].size() == 2);
  CHECK(json["padded"][0]["pass"] == "forward");
  CHECK(json["padded"][0]["steps"] == Json({"pad", "forward", "unpad"}));
  CHECK(json["padded"][0]["workspace_bytes"] == workspace_size(plan, kM));
  CHECK(json["padded"][1]["workspace_bytes"] == workspace_size(plan, kM, SWIGLU_PASS_FORWARD_STORE));
  std::set<std::string> kernels;
  for (const Json& kernel : json["kernels"]) {
    kernels.insert(kernel["pass"].get<std::string>() + " " + std::to_string(kernel["alignment"].get<int>()));
  }
  CHECK(kernels ==
        std::set<std::string>{"forward 2", "forward 16", "forward_store 2", "forward_store 16", "pad 2", "unpad 2"});
  CHECK(workspace_size(plan, 0) == 0);
}

TEST_CASE_FIXTURE(Padded, "padded rows: none where every row is aligned") {
  desc.ld_x = desc.ld_out = desc.ld_u = 0;
  const PlanPointer plan = make_plan(desc);
  CHECK(workspace_size(plan, kM) == 0);
  CHECK_FALSE(describe(plan.get(), kM).contains("padded"));
}

TEST_CASE_FIXTURE(Padded, "padded rows: a batch-invariant plan wants a workspace for every m, or for none") {
  desc.options = SWIGLU_OPTION_BATCH_INVARIANT;
  const PlanPointer plan = make_plan(desc);
  const bool wanted = workspace_size(plan, 1) > 0;
  for (const std::int64_t m : {2, 16, 100, 1000, 100000}) {
    CHECK((workspace_size(plan, m) > 0) == wanted);
  }
}

TEST_CASE_FIXTURE(Padded, "padded rows: what is compiled ahead, a plan finds") { check_compiled_ahead(desc); }

}  // namespace
}  // namespace swiglu_test
