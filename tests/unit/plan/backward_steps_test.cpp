// Which kernels a backward pass takes, with which arguments, and where in the workspace things are.
#include "plan/backward_steps.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "base/spelling.h"
#include "swiglu/validity.h"
#include "unit/plan/plan_data.h"

namespace swiglu {
namespace {

constexpr int kMultiprocessors = 132;

swiglu_plan_desc description() {
  swiglu_plan_desc desc = f16_description(SWIGLU_PASS_BACKWARD | SWIGLU_PASS_BACKWARD_RECOMPUTE, 260, 516);
  desc.ld_dx = 264;
  return desc;
}

swiglu_backward_args arguments(std::int64_t m) {
  swiglu_backward_args args{};
  args.struct_size = sizeof args;
  args.m = m;
  args.dout = address(0x100000000);
  args.x = address(0x200000000);
  args.w_gate = address(0x300000000);
  args.w_up = address(0x400000000);
  args.g = address(0x500000000);
  args.u = address(0x600000000);
  args.dx = address(0x700000000);
  args.dw_gate = address(0x800000000);
  args.dw_up = address(0x900000000);
  args.workspace = address(0xa00000000);
  args.workspace_size = std::size_t{1} << 31;
  return args;
}

std::vector<BackwardStep> steps(const swiglu_plan_desc& desc, const swiglu_backward_args& args,
                                Dgate dgate = Dgate::apart) {
  const PlanSpec spec = check_description(desc);
  const BackwardExecution execution = check_backward(spec, args, 1);
  const BackwardSteps all(spec, execution, kMultiprocessors, dgate);
  return {all.get().begin(), all.get().end()};
}

std::vector<Pass> passes(const std::vector<BackwardStep>& of) {
  std::vector<Pass> found;
  for (const BackwardStep& step : of) {
    found.push_back(step.pass);
  }
  return found;
}

TEST_CASE("all gradients from stored g and u, with and without splitting the tokens") {
  const auto few = steps(description(), arguments(100));
  CHECK(passes(few) == std::vector{Pass::dgate, Pass::dx, Pass::dw});
  const auto many = steps(description(), arguments(20000));
  CHECK(passes(many) == std::vector{Pass::dgate, Pass::dx, Pass::dw, Pass::dw_sum});
  const BackwardParams& params = many.back().params;
  CHECK(params.splits > 1);
  CHECK(params.splits * std::int64_t{params.split_tokens} >= 20000);
  const BackwardLayout layout = backward_layout(check_description(description()), 20000, kMultiprocessors);
  const auto begin = std::uintptr_t{0xa00000000};
  CHECK(params.dg == address(begin));
  CHECK(params.du == address(begin + layout.du));
  CHECK(static_cast<void*>(params.partials) == address(begin + layout.parts));
  CHECK(layout.ld_dg == 520);
  CHECK(layout.du >= 20000U * 520 * 2);
  CHECK(layout.parts >= 2 * layout.du);
  CHECK(layout.bytes >= layout.parts + static_cast<std::size_t>(params.splits) * 2 * 260 * 516 * 4);
  CHECK(layout.du % 256 == 0);
  CHECK(layout.parts % 256 == 0);
}

TEST_CASE("what is not wanted is not computed") {
  swiglu_backward_args args = arguments(100);
  args.g = args.u = nullptr;
  args.dw_gate = args.dw_up = nullptr;
  CHECK(passes(steps(description(), args)) == std::vector{Pass::recompute, Pass::dx});
  args = arguments(100);
  args.dx = nullptr;
  CHECK(passes(steps(description(), args)) == std::vector{Pass::dgate, Pass::dw});
}

TEST_CASE("dg and du beside dx, where both are wanted and every pointer is aligned") {
  const swiglu_plan_desc desc = f16_description(SWIGLU_PASS_BACKWARD | SWIGLU_PASS_BACKWARD_RECOMPUTE, 256, 512);
  const auto all = steps(desc, arguments(100), Dgate::beside_dx);
  CHECK(passes(all) == std::vector{Pass::dgate_dx, Pass::dw});
  const BackwardLayout layout = backward_layout(check_description(desc), 100, kMultiprocessors);
  CHECK(all[0].aligned);
  CHECK(all[0].params.dg == all[1].params.dg);
  CHECK(all[0].params.progress == address(0xa00000000 + layout.progress));
  CHECK(layout.progress >= 2 * layout.du);
  CHECK(layout.parts >= layout.progress + 8 + 4 * 2 * 2);  // two rows of tiles at most, two sections
  for (const void* swiglu_backward_args::*const pointer : {&swiglu_backward_args::dout, &swiglu_backward_args::u}) {
    swiglu_backward_args args = arguments(100);
    args.*pointer = static_cast<const char*>(args.*pointer) + 8;
    CHECK(passes(steps(desc, args, Dgate::beside_dx)) == std::vector{Pass::dgate, Pass::dx, Pass::dw});
  }
  swiglu_backward_args args = arguments(100);
  args.x = static_cast<const char*>(args.x) + 2;  // read by dw alone
  CHECK(passes(steps(desc, args, Dgate::beside_dx)) == std::vector{Pass::dgate_dx, Pass::dw});
  args.dx = nullptr;
  CHECK(passes(steps(desc, args, Dgate::beside_dx)) == std::vector{Pass::dgate, Pass::dw});
  args = arguments(100);
  args.dw_gate = args.dw_up = nullptr;
  CHECK(passes(steps(desc, args, Dgate::beside_dx)) == std::vector{Pass::dgate_dx});
  args.g = args.u = nullptr;
  CHECK(passes(steps(desc, args, Dgate::beside_dx)) == std::vector{Pass::recompute, Pass::dx});
  CHECK(passes(steps(desc, arguments(0), Dgate::beside_dx)) == std::vector{Pass::dw_sum});
}

TEST_CASE("dg and du beside dWg and dWu, where both are wanted, unsplit, and every pointer is aligned") {
  const swiglu_plan_desc desc = f16_description(SWIGLU_PASS_BACKWARD | SWIGLU_PASS_BACKWARD_RECOMPUTE, 256, 512);
  const auto all = steps(desc, arguments(100), Dgate::beside_dw);
  CHECK(passes(all) == std::vector{Pass::dgate_dw, Pass::dx});
  CHECK(all[0].aligned);
  CHECK(all[0].params.splits == 1);
  CHECK(all[0].params.dw_up == address(0x900000000));
  CHECK(all[0].params.du == all[1].params.du);
  for (const void* swiglu_backward_args::*const pointer : {&swiglu_backward_args::g, &swiglu_backward_args::x}) {
    swiglu_backward_args args = arguments(100);
    args.*pointer = static_cast<const char*>(args.*pointer) + 8;
    CHECK(passes(steps(desc, args, Dgate::beside_dw)) == std::vector{Pass::dgate, Pass::dx, Pass::dw});
  }
  CHECK(passes(steps(desc, arguments(20000), Dgate::beside_dw)) ==
        std::vector{Pass::dgate, Pass::dx, Pass::dw, Pass::dw_sum});
  swiglu_backward_args args = arguments(100);
  args.dx = nullptr;
  CHECK(passes(steps(desc, args, Dgate::beside_dw)) == std::vector{Pass::dgate_dw});
  args.dw_gate = nullptr;
  CHECK(passes(steps(desc, args, Dgate::beside_dw)) == std::vector{Pass::dgate, Pass::dw_single});
  args = arguments(100);
  args.g = args.u = nullptr;
  CHECK(passes(steps(desc, args, Dgate::beside_dw)) == std::vector{Pass::recompute, Pass::dx, Pass::dw});
}

TEST_CASE("one weight's gradient alone is dw_single, whichever it is") {
  for (const bool up : {false, true}) {
    swiglu_backward_args args = arguments(20000);
    args.dx = nullptr;
    (up ? args.dw_gate : args.dw_up) = nullptr;
    const auto all = steps(description(), args);
    REQUIRE(passes(all) == std::vector{Pass::dgate, Pass::dw_single, Pass::dw_sum});
    for (std::size_t i = 1; i < 3; ++i) {
      CHECK(all[i].params.dw_gate == (up ? address(0x900000000) : address(0x800000000)));
      CHECK(all[i].params.dw_up == nullptr);
      CHECK(all[i].params.dg == (up ? all[0].params.du : all[0].params.dg));
    }
    const BackwardLayout layout = backward_layout(check_description(description()), 20000, kMultiprocessors);
    CHECK(layout.bytes >= layout.parts + static_cast<std::size_t>(all[2].params.splits) * 260 * 516 * 4);
  }
}

TEST_CASE("whether one or both of the weights' gradients are wanted decides the parts too") {
  const PlanSpec spec = check_description(f16_description(SWIGLU_PASS_BACKWARD, 768, 2048));
  const auto parts = [&](int matrices) { return backward_split(spec, matrices, 8192, kMultiprocessors).splits; };
  CHECK(parts(1) != parts(2));
}

TEST_CASE("no tokens: the sum of no parts") {
  const auto all = steps(description(), arguments(0));
  REQUIRE(passes(all) == std::vector{Pass::dw_sum});
  CHECK(all[0].params.splits == 0);
  CHECK(all[0].params.dw_up == address(0x900000000));
}

TEST_CASE("alignment is each kernel's own") {
  // Rows of 520, 1032 and 528 bytes: 8 for what touches x, dout or weights, and 2-byte pointers show where they count.
  swiglu_backward_args args = arguments(100);
  args.x = address(0x200000002);
  const auto by_x = steps(description(), args);
  CHECK(by_x[0].aligned);
  CHECK(by_x[1].aligned);
  CHECK_FALSE(by_x[2].aligned);
  args = arguments(100);
  args.w_up = address(0x400000004);
  const auto by_weight = steps(description(), args);
  CHECK(by_weight[0].aligned);
  CHECK_FALSE(by_weight[1].aligned);
  CHECK(by_weight[2].aligned);
  args = arguments(100);
  args.u = address(0x600000008);
  CHECK(steps(description(), args)[0].aligned);
}

TEST_CASE("problems of the kernels: accumulators and gradients") {
  swiglu_plan_desc desc = description();
  const auto problem = [&](Pass pass) { return problem_of(check_description(desc), pass); };
  CHECK(problem(Pass::recompute).accum == Accum::f16);
  CHECK(problem(Pass::dx).accum == Accum::f16_promoted);
  CHECK(problem(Pass::dw).accum == Accum::f32);
  CHECK(problem(Pass::dgate).accum == Accum::f32);
  CHECK(problem(Pass::dw).gradient == Gradient::element);
  desc.dw_dtype = SWIGLU_F32;
  CHECK(problem(Pass::dw_single).gradient == Gradient::f32);
  CHECK(problem(Pass::dw_sum).gradient == Gradient::f32);
  CHECK(problem(Pass::dx).gradient == Gradient::element);
  for (int pass = 0; pass < kPasses; ++pass) {
    CHECK(why_invalid(problem(static_cast<Pass>(pass))) == nullptr);
  }
  desc.ld_dw_up = 517;  // of floats: rows of 4-byte multiples
  CHECK(problem(Pass::dw).access_bytes == 4);
  CHECK(problem(Pass::dx).access_bytes == 8);
  CHECK_FALSE(wants(check_description(desc), Pass::forward));
  CHECK(wants(check_description(desc), Pass::dw_sum));
}

TEST_CASE("a workspace beyond 64 bits is refused") {
  const PlanSpec spec = check_description(description());
  CHECK_THROWS_AS(backward_layout(spec, std::int64_t{1} << 53, kMultiprocessors), Error);
  CHECK_THROWS_AS(backward_layout(spec, INT64_MAX, kMultiprocessors), Error);
  swiglu_plan_desc desc = description();  // rows of parts beyond 64 bits, where dg and du are not
  desc.d_model = 1 << 28;
  desc.d_intermediate = 1;
  desc.ld_dx = 0;
  for (const int power : {48, 51}) {
    CHECK_THROWS_AS(backward_layout(check_description(desc), std::int64_t{1} << power, kMultiprocessors), Error);
  }
}

TEST_CASE("the most of up to m tokens is what every m up to there takes, and no more") {
  constexpr std::int64_t kShapes[][2] = {{768, 2048}, {1024, 3072}, {128, 128}, {260, 516}, {8, 20}, {4096, 14336}};
  for (const auto& [d_model, d_intermediate] : kShapes) {
    for (const swiglu_layout layout : {SWIGLU_KN, SWIGLU_NK}) {
      swiglu_plan_desc desc = f16_description(SWIGLU_PASS_BACKWARD, d_model, d_intermediate);
      desc.weight_layout = layout;
      const PlanSpec spec = check_description(desc);
      std::size_t most = 0;
      const auto step = [&](std::int64_t m) {
        most = std::max(most, backward_layout(spec, m, kMultiprocessors).bytes);
        return most_backward_workspace(spec, m, kMultiprocessors) == most;
      };
      bool exact = most_backward_workspace(spec, 0, kMultiprocessors) == 0;
      for (std::int64_t m = 1; m < 1000; ++m) {
        exact = step(m) && exact;
      }
      for (std::int64_t m = 1000; m < 40000; m = (m / kSplitTokens + 1) * kSplitTokens) {
        exact = step(m) && step(m + 1) && exact;
      }
      CHECK_MESSAGE(exact, print(problem_of(spec, Pass::dw)));
    }
  }
  const PlanSpec spec = check_description(f16_description(SWIGLU_PASS_BACKWARD, 768, 2048));
  CHECK(most_backward_workspace(spec, 7232, kMultiprocessors) > backward_layout(spec, 7232, kMultiprocessors).bytes);
}

}  // namespace
}  // namespace swiglu
