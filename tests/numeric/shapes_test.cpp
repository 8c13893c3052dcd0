// Every awkward size of every dimension: 1, primes, and one off the sizes that tiles, fragments and vectors have.
#include "numeric/cases.h"

namespace swiglu_test {

TEST_CASE("odd shapes, every kind of problem") {
  // (d_model, d_intermediate): each size stands on both sides, against a size of another nature.
  constexpr std::pair<std::int64_t, std::int64_t> kShapes[] = {
      {1, 65},  {15, 1},   {16, 129},  {17, 16},  {63, 17}, {64, 100}, {65, 15},  {100, 63},
      {127, 7}, {128, 64}, {129, 128}, {31, 127}, {257, 8}, {8, 257},  {200, 31}, {1, 1},
  };
  std::vector<Case> cases;
  std::size_t number = 0;
  for (const auto& [d_model, d_intermediate] : kShapes) {
    for (const Kind& kind : kinds_for(number++, 2)) {
      cases.push_back(
          make_case(kind, d_model, d_intermediate, {1, 2, 15, 16, 17, 63, 64, 65, 100, 127, 128, 129, 251, 0}));
    }
  }
  check_cases(cases);
}

TEST_CASE("shapes of several tiles in every dimension") {
  constexpr std::pair<std::int64_t, std::int64_t> kShapes[] = {{1031, 521}, {768, 1000}, {520, 520}, {1088, 264}};
  std::vector<Case> cases;
  std::size_t number = 0;
  for (const auto& [d_model, d_intermediate] : kShapes) {
    for (const Kind& kind : kinds_for(number++, 2, 2)) {
      cases.push_back(make_case(kind, d_model, d_intermediate, {257, 523}));
    }
  }
  check_cases(cases);
}

TEST_CASE("no rows: success, and nothing is written") {
  std::vector<Case> cases;
  for (const Kind& kind : kKinds) {
    cases.push_back(make_case(kind, 64, 64, {0}));
  }
  check_cases(cases);
}

TEST_CASE("a pass asked for alone") {
  Case forward = make_case(kKinds[0], 72, 40, {33});
  forward.passes = SWIGLU_PASS_FORWARD;
  Case store = make_case(kKinds[1], 72, 40, {33});
  store.passes = SWIGLU_PASS_FORWARD_STORE;
  Case by_default = forward;
  by_default.passes = 0;
  check_cases({forward, store});
  const Plan plan = make_plan(plan_desc(by_default, memory_under_test().device()));
  Trial trial(memory_under_test(), by_default, 33);
  trial.upload();
  const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD);
  REQUIRE(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
  CHECK(trial.verify(SWIGLU_PASS_FORWARD) == "");
}

}  // namespace swiglu_test
