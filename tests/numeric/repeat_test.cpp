// The same inputs give the same bits: run after run, plan after plan, and whatever other rows there are.
#include <cstring>

#include "numeric/cases.h"
#include "support/number_format.h"

namespace swiglu_test {
namespace {

std::vector<std::byte> run_once(Trial& trial, swiglu_plan* plan) {
  const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD_STORE);
  const swiglu_status status = swiglu_execute(plan, &args, nullptr);
  REQUIRE_MESSAGE(status == SWIGLU_OK, last_error());
  trial.download_outputs();
  return trial.output_bytes(SWIGLU_PASS_FORWARD_STORE);
}

}  // namespace

TEST_CASE("100 runs are bit-identical, and so is another plan") {
  std::size_t number = 0;
  for (const std::int64_t d_model : {304, 301}) {
    for (const Kind& kind : kinds_for(number++, 2, 2)) {
      Case test = make_case(kind, d_model, 264, {200});
      test.passes = SWIGLU_PASS_FORWARD_STORE;
      Trial trial(memory_under_test(), test, 200);
      trial.upload();
      const Plan plan = make_plan(plan_desc(test, memory_under_test().device()));
      const std::vector<std::byte> first = run_once(trial, plan.get());
      int different = 0;
      for (int run = 1; run < 100; ++run) {
        different += run_once(trial, plan.get()) == first ? 0 : 1;
      }
      CHECK_MESSAGE(different == 0, spelling(test), ": ", different, " of 99 runs differ from the first");
      const Plan another = make_plan(plan_desc(test, memory_under_test().device()));
      CHECK_MESSAGE(run_once(trial, another.get()) == first, spelling(test), ": another plan gives other bits");
    }
  }
}

TEST_CASE("a row's bits do not depend on how many rows there are") {
  std::size_t number = 0;
  for (const std::int64_t d_model : {136, 131}) {
    for (const Kind& kind : kinds_for(number++, 2, 2)) {
      Case test = make_case(kind, d_model, 200, {1000, 1001});
      test.passes = SWIGLU_PASS_FORWARD;
      const Plan plan = make_plan(plan_desc(test, memory_under_test().device()));
      std::vector<std::vector<std::byte>> results;
      for (const std::int64_t m : test.m) {
        Trial trial(memory_under_test(), test, m);
        trial.upload();
        const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD);
        REQUIRE(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
        CHECK(trial.verify(SWIGLU_PASS_FORWARD) == "");
        results.push_back(trial.output_bytes(SWIGLU_PASS_FORWARD));
      }
      // 1000 and 1001 rows are served by one kernel: no bucket has its border there.
      CHECK_MESSAGE(std::memcmp(results[0].data(), results[1].data(), results[0].size()) == 0, spelling(test));
    }
  }
}

}  // namespace swiglu_test
