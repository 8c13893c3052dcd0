// The tuner's decisions, on made-up times.
#include "tune/tuner.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/log_capture.h"
#include "tune/compile_queue.h"
#include "unit/tune/fake_trial.h"

namespace swiglu {
namespace {

using test::FakeTrial;
using Outcome = Tried::Outcome;

constexpr Problem kProblem{DType::bf16, Accum::f32, Layout::nk, Pass::forward, 4096, 14336, 16};

KernelConfig config(int n) { return {kProblem, Family::mma_sm80, {128, n, 64, 4, 2, 2, 8}}; }
std::string tile(int n) { return print(config(n).tile); }

// Canonical order: n = 1, 2, ...; all alike on paper unless told otherwise.
std::vector<Choice> choices(const std::vector<double>& estimates) {
  std::vector<Choice> all;
  for (const double seconds : estimates) {
    all.push_back({config(static_cast<int>(all.size()) + 1), {seconds, ""}});
  }
  return all;
}

Tuning run(FakeTrial& trial, const std::vector<double>& estimates, TunerPolicy policy = {}) {
  return tune(choices(estimates), trial, policy, [&] { return trial.now(); });
}

int winner(const Tuning& tuning) { return tuning.winner ? static_cast<int>(*tuning.winner) + 1 : 0; }

TEST_CASE("the fastest wins, whatever the estimate thinks of it") {
  FakeTrial trial;
  trial.behaviours[tile(1)].seconds = 1.2e-3;
  trial.behaviours[tile(2)].seconds = 1.05e-3;
  trial.behaviours[tile(3)].seconds = 1.0e-3;
  trial.behaviours[tile(4)].seconds = 1.5e-3;
  const Tuning tuning = run(trial, {1, 1.1, 1.3, 1.2});
  CHECK(winner(tuning) == 3);
  CHECK(*tuning.paper == 0);
  CHECK(tuning.finished);
  CHECK(tuning.tried[2].outcome == Outcome::measured);
  CHECK(tuning.tried[2].seconds == doctest::Approx(1.0e-3));
  CHECK(tuning.tried[2].samples == TunerPolicy{}.rounds_alone);  // the others had left by then
  CHECK(tuning.tried[1].outcome == Outcome::slower);             // left the finals, with a median of them
  CHECK(tuning.tried[1].samples == TunerPolicy{}.fewest_rounds);
  CHECK(tuning.tried[3].outcome == Outcome::slower);
  CHECK(tuning.tried[3].samples == TunerPolicy{}.probes);
}

TEST_CASE("noise chooses the same winner a hundred times") {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    FakeTrial trial;
    trial.random.seed(seed);
    trial.noise = 0.003;  // of a sample, as seen on an idle card
    trial.behaviours[tile(1)].seconds = 1.060e-3;
    trial.behaviours[tile(2)].seconds = 1.001e-3;  // ties with the two after it, and stands before them
    trial.behaviours[tile(3)].seconds = 1.000e-3;
    trial.behaviours[tile(4)].seconds = 1.0005e-3;
    trial.behaviours[tile(5)].seconds = 1.030e-3;
    CAPTURE(seed);
    CHECK(winner(run(trial, {1, 1, 1, 1, 1})) == 2);
  }
}

TEST_CASE("whatever the noise, the winner is near the best") {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    FakeTrial trial;
    trial.random.seed(seed);
    trial.noise = 0.02;
    std::vector<double> estimates;
    for (int n = 1; n <= 20; ++n) {
      trial.behaviours[tile(n)].seconds = 1e-3 * (1 + 0.004 * ((n * 7) % 20));
      estimates.push_back(1);
    }
    const Tuning tuning = run(trial, estimates);
    CAPTURE(seed);
    REQUIRE(winner(tuning) != 0);
    CHECK(trial.behaviours[tile(winner(tuning))].seconds <= 1.03e-3);
  }
}

TEST_CASE("candidates that fail or err are passed over with the reason, however fast") {
  const test::LogCapture log;
  FakeTrial trial;
  for (int n = 1; n <= 6; ++n) {
    trial.behaviours[tile(n)].seconds = 0.1e-3 * n;
  }
  trial.behaviours[tile(1)].compile = SWIGLU_COMPILE_FAILED;
  trial.behaviours[tile(2)].wrong = "a stripe";
  trial.behaviours[tile(3)].load = SWIGLU_OUT_OF_MEMORY;
  trial.behaviours[tile(4)].time = SWIGLU_CUDA_ERROR;  // in the finals
  trial.behaviours[tile(5)].load = SWIGLU_CUDA_ERROR;
  TunerPolicy policy;
  policy.probe_factor = 10;
  const Tuning tuning = run(trial, {1, 1, 1, 1, 1, 1}, policy);
  CHECK(winner(tuning) == 6);
  const Outcome outcomes[] = {Outcome::compile_failed, Outcome::wrong,  Outcome::out_of_memory,
                              Outcome::failed,         Outcome::failed, Outcome::measured};
  for (std::size_t i = 0; i < 6; ++i) {
    CAPTURE(i);
    CHECK(tuning.tried[i].outcome == outcomes[i]);
    CHECK(tuning.tried[i].why == (i == 5 ? "" : i == 1 ? "a stripe" : "made up"));
  }
  REQUIRE(log.count() == 1);  // a wrong kernel is a defect: loud
  CHECK(log.last().find("a stripe") != std::string::npos);
  CHECK(trial.loaded() <= 2);
}

TEST_CASE("nothing measured, no winner") {
  FakeTrial trial;
  trial.behaviours[tile(1)].compile = SWIGLU_COMPILE_FAILED;
  trial.behaviours[tile(2)].load = SWIGLU_OUT_OF_MEMORY;
  const Tuning tuning = run(trial, {1, 1});
  CHECK_FALSE(tuning.winner);
  CHECK(tuning.finished);
}

TEST_CASE("the budget ends it, and the best so far wins") {
  FakeTrial trial;
  trial.sample_seconds = 0.1;
  for (int n = 1; n <= 8; ++n) {
    trial.behaviours[tile(n)].seconds = 1e-3 / n;
  }
  TunerPolicy policy;
  policy.budget_seconds = 1;
  policy.compile_threads = 1;  // in the order of the estimate
  const Tuning tuning = run(trial, {1, 1.01, 1.02, 1.03, 1.04, 1.05, 1.06, 1.07}, policy);
  CHECK_FALSE(tuning.finished);
  REQUIRE(winner(tuning) != 0);
  std::size_t reached = 0;
  double best = 1;
  for (const Tried& tried : tuning.tried) {
    if (tried.samples > 0) {
      ++reached;
      best = std::min(best, tried.seconds);
    } else {
      CHECK(tried.outcome == Outcome::not_reached);
    }
  }
  CHECK(reached >= 3);
  CHECK(reached < 8);
  CHECK(tuning.tried[*tuning.winner].seconds == best);
  CHECK(tuning.seconds <= policy.budget_seconds + 2 * trial.sample_seconds);
}

TEST_CASE("no time at all: nothing is begun") {
  FakeTrial trial;
  TunerPolicy policy;
  policy.budget_seconds = 0;
  const Tuning tuning = run(trial, {1, 1}, policy);
  CHECK_FALSE(tuning.winner);
  CHECK_FALSE(tuning.finished);
  CHECK(trial.compiles() == 0);
  CHECK(trial.samples() == 0);
}

TEST_CASE("compiles that outlast the budget: what was begun first is measured all the same") {
  FakeTrial trial;
  trial.compile_seconds = 10;
  TunerPolicy policy;
  policy.budget_seconds = 1;
  policy.compile_threads = 2;
  const Tuning tuning = run(trial, {1.02, 1, 1.01, 1.03}, policy);
  CHECK_FALSE(tuning.finished);
  REQUIRE(winner(tuning) != 0);
  CHECK(tuning.tried[*tuning.winner].samples > 0);
  CHECK(trial.compiles() <= 2);
  trial.behaviours[tile(2)].compile = SWIGLU_COMPILE_FAILED;  // the estimate's choice
  policy.compile_threads = 1;
  CHECK_FALSE(run(trial, {1.02, 1, 1.01, 1.03}, policy).winner);
}

TEST_CASE("what is far behind on paper is not tried, but for a few") {
  FakeTrial trial;
  TunerPolicy policy;
  policy.paper_factor = 1.5;
  policy.at_least = 2;
  policy.at_most = 3;
  const Tuning few = run(trial, {9, 1, 8, 7}, policy);
  CHECK(few.tried[0].outcome == Outcome::pruned);
  CHECK(few.tried[2].outcome == Outcome::pruned);
  CHECK(few.tried[1].outcome == Outcome::measured);
  CHECK(few.tried[3].outcome == Outcome::measured);  // at_least
  const Tuning most = run(trial, {1, 1, 1, 1, 1}, policy);
  CHECK(std::count_if(most.tried.begin(), most.tried.end(),
                      [](const Tried& tried) { return tried.outcome == Outcome::pruned; }) == 2);
  CHECK(most.finished);
}

TEST_CASE("after a few it goes on as long as what they took lets another one be faster") {
  FakeTrial trial;
  TunerPolicy policy;
  policy.at_least = 2;
  policy.paper_factor = 2;
  const auto pruned = [](const Tuning& tuning) {
    return std::count_if(tuning.tried.begin(), tuning.tried.end(),
                         [](const Tried& tried) { return tried.outcome == Outcome::pruned; });
  };
  const std::vector<double> paper = {1, 1.1, 1.2, 1.3, 1.4};
  for (int n = 1; n <= 5; ++n) {
    trial.behaviours[tile(n)].seconds = 2e-3 * paper[static_cast<std::size_t>(n - 1)];  // twice what paper says
  }
  CHECK(pruned(run(trial, paper, policy)) == 3);
  trial.behaviours[tile(2)].seconds = 1.6e-3;  // paper is wrong about some: 1.2 and 1.3 may be faster than the best yet
  const Tuning further = run(trial, paper, policy);
  CHECK(pruned(further) < 3);
  CHECK(further.finished);
  trial.behaviours[tile(3)].seconds = 1e-3;
  CHECK(winner(run(trial, paper, policy)) == 3);
}

TEST_CASE("a compile that fails late does not keep others from being tried") {
  FakeTrial trial;
  trial.compile_seconds = 0.01;
  std::vector<double> estimates;
  for (int n = 1; n <= 30; ++n) {
    trial.behaviours[tile(n)].compile = n % 3 == 0 ? SWIGLU_COMPILE_FAILED : SWIGLU_OK;
    estimates.push_back(1);
  }
  TunerPolicy policy;
  policy.compile_threads = 4;
  policy.at_most = 30;
  const Tuning tuning = run(trial, estimates, policy);
  CHECK(tuning.finished);
  CHECK(trial.compiles() == 30);
  for (std::size_t i = 0; i < 30; ++i) {
    CHECK((tuning.tried[i].outcome == Outcome::compile_failed) == ((i + 1) % 3 == 0));
  }
}

TEST_CASE("the queue hands over every job once, and begins none that would go beyond the deadline") {
  std::atomic<long long> now{0};
  const auto seconds = [&] { return static_cast<double>(now.load()); };
  std::vector<KernelConfig> jobs;
  for (int n = 1; n <= 40; ++n) {
    jobs.push_back(config(n));
  }
  CompileQueue queue(
      jobs, 2, 3, [&](const KernelConfig&) { now += 3; }, seconds, 30);
  std::vector<int> seen(jobs.size());
  int begun = 0;
  while (const auto done = queue.wait()) {
    ++seen[done->job];
    begun += done->begun ? 1 : 0;
  }
  CHECK(std::count(seen.begin(), seen.end(), 1) == 40);
  CHECK(begun >= 7);
  CHECK(begun <= 12);  // 3 threads may each have begun one at the last moment
  CHECK_FALSE(queue.wait());
}

TEST_CASE("what is required is begun beyond the deadline too") {
  std::vector<KernelConfig> jobs(6, config(1));
  CompileQueue queue(
      jobs, 4, 2, [](const KernelConfig&) {}, [] { return 100.0; }, 1);
  std::vector<bool> begun(jobs.size());
  while (const auto done = queue.wait()) {
    begun[done->job] = done->begun;
  }
  CHECK(begun == std::vector<bool>{true, true, true, true, false, false});
}

TEST_CASE("a stopped queue still hands over what is left") {
  std::vector<KernelConfig> jobs(10, config(1));
  CompileQueue queue(
      jobs, 0, 2, [](const KernelConfig&) {}, [] { return 0.0; }, 1);
  REQUIRE(queue.wait());
  queue.stop();
  int rest = 0;
  while (queue.wait()) {
    ++rest;
  }
  CHECK(rest == 9);
}

TEST_CASE("whatever a compile throws is that job's") {
  std::vector<KernelConfig> jobs(3, config(1));
  std::atomic<int> count{0};
  CompileQueue queue(
      jobs, 0, 1,
      [&](const KernelConfig&) {
        switch (count++) {
          case 0:
            throw std::bad_alloc();
          case 1:
            throw std::runtime_error("odd");
          default:
            fail(SWIGLU_COMPILE_FAILED, "log");
        }
      },
      [] { return 0.0; }, 1);
  CHECK(queue.wait()->status == SWIGLU_OUT_OF_MEMORY);
  const auto second = queue.wait();
  CHECK(second->status == SWIGLU_INTERNAL);
  CHECK(second->why == "odd");
  CHECK(queue.wait()->status == SWIGLU_COMPILE_FAILED);
}

}  // namespace
}  // namespace swiglu
