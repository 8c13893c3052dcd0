// The backward pass: gradients against plain double loops for odd shapes, every mode, padded and misaligned operands,
// NaN and infinities, no tokens and very many; bits that do not change from run to run.
#include <cmath>
#include <limits>

#include "numeric/cases.h"
#include "support/backward_case.h"
#include "support/random.h"

namespace swiglu_test {
namespace {

BackwardCase make_backward(const Kind& kind, std::int64_t d_model, std::int64_t d_intermediate,
                           std::vector<std::int64_t> m) {
  return {make_case(kind, d_model, d_intermediate, std::move(m)), std::nullopt, {}};
}

void check_backward(const std::vector<BackwardCase>& cases, const std::vector<Wanted>& wanted) {
  const std::vector<std::string> failures = run_cases(memory_under_test(), cases, wanted);
  for (const std::string& failure : failures) {
    FAIL_CHECK(failure);
  }
  CHECK_MESSAGE(failures.empty(), failures.size(), " of ", cases.size(), " cases failed");
}

Wanted only(bool dx, bool dw_gate, bool dw_up) {
  Wanted wanted;
  wanted.dx = dx;
  wanted.dw_gate = dw_gate;
  wanted.dw_up = dw_up;
  return wanted;
}

// Executes all gradients once and judges them.
void execute_and_verify(BackwardTrial& trial, const BackwardCase& test, swiglu_plan* plan, const Wanted& wanted) {
  trial.upload(wanted);
  const swiglu_backward_args args = trial.args(wanted);
  const swiglu_status status = swiglu_execute_backward(plan, &args, nullptr);
  REQUIRE_MESSAGE(status == SWIGLU_OK, spelling(test), ": ", last_error());
  const std::string failure = trial.verify(wanted);
  CHECK_MESSAGE(failure.empty(), spelling(test), " ", spelling(wanted), ": ", failure, " (", seed_text(), ")");
}

}  // namespace

TEST_CASE("backward: odd shapes, every kind of problem, stored and recomputed") {
  constexpr std::pair<std::int64_t, std::int64_t> kShapes[] = {
      {1, 65}, {15, 1}, {16, 129}, {63, 17}, {64, 100}, {127, 7}, {128, 64}, {129, 128}, {257, 8}, {8, 257}, {1, 1},
  };
  std::vector<BackwardCase> cases;
  std::size_t number = 0;
  for (const auto& [d_model, d_intermediate] : kShapes) {
    for (const Kind& kind : kinds_for(number++, 1, 4)) {
      cases.push_back(make_backward(kind, d_model, d_intermediate, {1, 2, 17, 63, 64, 65, 128, 129, 251}));
    }
  }
  check_backward(cases, both_modes());
}

TEST_CASE("backward: shapes of several tiles in every dimension [sanitizer]") {
  constexpr std::pair<std::int64_t, std::int64_t> kShapes[] = {{519, 261}, {328, 600}, {520, 264}};
  std::vector<BackwardCase> cases;
  std::size_t number = 0;
  for (const auto& [d_model, d_intermediate] : kShapes) {
    for (const Kind& kind : kinds_for(number++, 2, 2)) {
      cases.push_back(make_backward(kind, d_model, d_intermediate, {257, 523}));
    }
  }
  check_backward(cases, both_modes());
}

TEST_CASE("backward: what is not wanted is not written, and the rest is the same") {
  std::vector<Wanted> wanted;
  for (int bits = 0; bits < 8; ++bits) {
    wanted.push_back(only((bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0));
    wanted.push_back(wanted.back());
    wanted.back().recompute = true;
  }
  for (std::size_t number = 0; number < 2; ++number) {
    for (const Kind& kind : kinds_for(number, 1, 4)) {
      check_backward({make_backward(kind, 96, 200, {150}), make_backward(kind, 67, 33, {90})}, wanted);
    }
  }
}

TEST_CASE("backward: gradients of the weights added to what is there, in 16 bits and in f32 [sanitizer]") {
  Wanted adding;
  adding.beta = 1;
  Wanted one = only(false, false, true);
  one.beta = 1;
  std::vector<BackwardCase> cases;
  std::size_t number = 0;
  for (const std::optional<swiglu_dtype> dw_dtype : {std::optional<swiglu_dtype>(), std::optional(SWIGLU_F32)}) {
    for (const std::int64_t d_model : {136, 67}) {
      for (const Kind& kind : kinds_for(number++, 2, 4)) {
        cases.push_back(make_backward(kind, d_model, d_model == 67 ? 35 : 264, {1, 100, on_cpu() ? 1000 : 5000}));
        cases.back().dw_dtype = dw_dtype;
      }
    }
  }
  check_backward(cases, {Wanted{}, adding, one});
}

TEST_CASE("backward: padded and misaligned operands [sanitizer]") {
  std::vector<BackwardCase> cases;
  std::size_t number = 0;
  for (const std::int64_t padding : {1, 2, 4, 8}) {
    for (const Kind& kind : kinds_for(number++, 1, 2)) {
      BackwardCase test = make_backward(kind, 64, 72, {67, 130});
      test.base.x.padding = padding;
      test.base.weights.padding = 2 * padding;
      test.base.outputs.padding = padding + 8;
      test.dw.padding = padding;
      cases.push_back(test);
      test = make_backward(kind, 64, 128, {50, 129});
      (number % 2 == 0 ? test.base.x : test.base.weights).offset = padding;
      (number % 2 == 0 ? test.dw : test.base.outputs).offset = padding;
      test.dw_dtype = number % 2 == 0 ? std::optional(SWIGLU_F32) : std::nullopt;
      cases.push_back(test);
    }
  }
  check_backward(cases, both_modes());
}

TEST_CASE("backward: no tokens give gradients of zero, or add nothing") {
  for (const std::optional<swiglu_dtype> dw_dtype : {std::optional<swiglu_dtype>(), std::optional(SWIGLU_F32)}) {
    for (const std::int64_t extent : {64, 33}) {
      BackwardCase test = make_backward(kKinds[0], extent, 40, {0});
      test.dw_dtype = dw_dtype;
      Wanted adding;
      adding.beta = 1;
      check_backward({test}, {Wanted{}, only(true, false, true), only(false, true, false), adding});
    }
  }
}

TEST_CASE("backward: NaN and infinities go where the formulas send them, and nowhere else") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr std::int64_t kRows = 70;
  std::size_t number = 0;
  for (const std::int64_t d_model : {64, 65}) {
    for (const Kind& kind : kinds_for(number++, 2, 4)) {
      const BackwardCase test = make_backward(kind, d_model, d_model == 64 ? 128 : 67, {kRows});
      const Plan plan = make_plan(plan_desc(test, memory_under_test().device()));
      BackwardTrial trial(memory_under_test(), test, kRows, plan.get());
      trial.dout().matrix->set(3, 5, kNan);
      trial.dout().matrix->set(4, 6, kInfinity);
      trial.dout().matrix->set(5, 7, 0.0);
      trial.g().matrix->set(5, 7, kInfinity);  // du = 0 * infinity
      trial.g().matrix->set(6, 8, kInfinity);  // dg = dout * u
      trial.g().matrix->set(7, 9, -kInfinity);
      trial.u().matrix->set(8, 10, -kInfinity);
      trial.u().matrix->set(9, 11, kNan);
      trial.dout().matrix->set(10, 12, kInfinity);
      trial.g().matrix->set(10, 12, -0.5);
      execute_and_verify(trial, test, plan.get(), Wanted{});
      std::int64_t spoilt = 0;
      for (std::int64_t row = 0; row < kRows; ++row) {
        bool all_nan = true;
        for (std::int64_t d = 0; d < d_model; ++d) {
          all_nan = all_nan && std::isnan(trial.dx().at(row, d));
        }
        spoilt += all_nan ? 1 : 0;
      }
      CHECK_MESSAGE(spoilt == 3, spelling(test), ": rows 3, 5 and 9 of dx are NaN");
      trial.x().matrix->set(11, 1, kNan);  // poisons its row of g and u too, where they are recomputed
      trial.w_up().matrix->set(2, 3, kInfinity);
      Wanted recomputed;
      recomputed.recompute = true;
      execute_and_verify(trial, test, plan.get(), recomputed);
    }
  }
}

TEST_CASE("backward: gates far out on both sides") {
  constexpr double kGates[] = {0.0, -0.0, 1e-4, -1e-4, 0.5, -0.5, 1.278, -1.278, 3,    -3,    8,     -8,
                               17,  -17,  30,   -30,   60,  -60,  80,    -80,    86,   -86,   88,    -88,
                               95,  -95,  104,  -104,  200, -200, 300,   -300,   5000, -5000, 60000, -60000};
  for (const Kind& kind : {kKinds[0], kKinds[1]}) {
    const auto gates = static_cast<std::int64_t>(std::size(kGates));
    const BackwardCase test = make_backward(kind, 24, gates, {40});
    const Plan plan = make_plan(plan_desc(test, memory_under_test().device()));
    BackwardTrial trial(memory_under_test(), test, 40, plan.get());
    for (std::int64_t row = 0; row < 40; ++row) {
      for (std::int64_t i = 0; i < gates; ++i) {
        // One gate a row counts, so that small gradients are seen beside none that are large.
        trial.g().matrix->set(row, i, kGates[i]);
        if (i != row % gates) {
          trial.dout().matrix->set(row, i, 0.0);
        } else if (std::abs(kGates[i]) > 5000) {
          trial.dout().matrix->set(row, i, 1.0);  // their product, du, is within the range of f16
        }
      }
    }
    execute_and_verify(trial, test, plan.get(), Wanted{});
  }
}

TEST_CASE("backward: an upstream of zeros gives zeros") {
  for (const Kind& kind : {kKinds[0], kKinds[3]}) {
    const BackwardCase test = make_backward(kind, 72, 136, {80});
    const Plan plan = make_plan(plan_desc(test, memory_under_test().device()));
    BackwardTrial trial(memory_under_test(), test, 80, plan.get());
    trial.dout().matrix->fill_value(0);
    for (const Wanted& wanted : both_modes()) {
      execute_and_verify(trial, test, plan.get(), wanted);
    }
    CHECK(trial.dx().at(3, 3) == 0);
  }
}

TEST_CASE("backward: 50 runs are bit-identical, and so is another plan") {
  std::size_t number = 0;
  for (const std::int64_t m : {300, 6000}) {  // the second is split on any large card
    for (const Kind& kind : kinds_for(number++, 2, 2)) {
      const BackwardCase test = make_backward(kind, 136, 264, {m});
      const Plan plan = make_plan(plan_desc(test, memory_under_test().device()));
      const Plan another = make_plan(plan_desc(test, memory_under_test().device()));
      BackwardTrial trial(memory_under_test(), test, m, plan.get());
      const auto run = [&](swiglu_plan* with) {
        trial.upload(Wanted{});
        const swiglu_backward_args args = trial.args(Wanted{});
        REQUIRE_MESSAGE(swiglu_execute_backward(with, &args, nullptr) == SWIGLU_OK, last_error());
        trial.download();
        return trial.output_bytes();
      };
      const std::vector<std::byte> first = run(plan.get());
      int different = 0;
      for (int i = 1; i < (on_cpu() ? 5 : 50); ++i) {
        different += run(plan.get()) == first ? 0 : 1;
      }
      CHECK_MESSAGE(different == 0, spelling(test), ": ", different, " runs differ from the first");
      CHECK_MESSAGE(run(another.get()) == first, spelling(test), ": another plan gives other bits");
    }
  }
}

TEST_CASE("backward: sums over 262144 tokens lose nothing that can be seen") {
  for (const Kind& kind : {kKinds[0], kKinds[1]}) {
    BackwardCase test = make_backward(kind, 48, 24, {262144});
    check_backward({test}, {only(false, true, true)});
    test.dw_dtype = SWIGLU_F32;
    check_backward({test}, {only(false, true, true)});
  }
}

}  // namespace swiglu_test
