// What all plans share, on one that executes nothing.
#include "plan/plan.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>

#include "unit/plan/plan_data.h"

namespace swiglu {
namespace {

using WorkspaceOf = std::function<std::size_t(std::int64_t m)>;

class StubPlan : public Plan {
 public:
  StubPlan(const swiglu_plan_desc& desc, WorkspaceOf forward)
      : Plan(check_description(desc)), forward_(std::move(forward)) {}

 private:
  void prepare_bucket(int) override {}
  void prepare_no_tokens() override {}
  void run(const Execution&, void*) override {}
  void run_backward(const BackwardExecution&, void*) override {}
  std::size_t forward_workspace(Pass, std::int64_t m) const override { return m > 0 ? forward_(m) : 0; }
  std::size_t backward_workspace(std::int64_t) const override { return 0; }
  std::string describe_bucket(int, std::int64_t) override { return ""; }

  WorkspaceOf forward_;
};

TEST_CASE("a forward workspace suffices for every smaller m, also where its own bucket takes none") {
  constexpr std::int64_t kFirst = 65;  // of a bucket
  constexpr std::int64_t kLast = 96;
  const auto bytes = [](std::int64_t m) { return m >= kFirst && m <= kLast ? static_cast<std::size_t>(1000 * m) : 0; };
  swiglu_plan_desc desc = f16_description(SWIGLU_PASS_FORWARD, 64, 96);
  const StubPlan plan(desc, bytes);
  const auto size = [&](std::int64_t m) { return plan.workspace_size(SWIGLU_PASS_FORWARD, m); };
  for (const std::int64_t m : {0, 1, 64}) {
    CHECK(size(m) == 0);
  }
  CHECK(size(70) == bytes(70));
  for (const std::int64_t m : {96, 97, 1000, 100000}) {
    CHECK(size(m) == bytes(kLast));
  }
  desc.options = SWIGLU_OPTION_BATCH_INVARIANT;
  CHECK(StubPlan(desc, [](std::int64_t m) {
          return static_cast<std::size_t>(m);
        }).workspace_size(SWIGLU_PASS_FORWARD, 300) == 300);
  CHECK(StubPlan(desc, [](std::int64_t) { return 0; }).workspace_size(SWIGLU_PASS_FORWARD, 300) == 0);
}

}  // namespace
}  // namespace swiglu
