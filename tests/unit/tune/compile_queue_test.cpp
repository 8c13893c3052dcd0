#include "tune/compile_queue.h"

#include <doctest/doctest.h>

#include <future>
#include <vector>

#include "base/error.h"

using namespace swiglu;

namespace {

constexpr double kNever = 1e9;

std::vector<KernelConfig> jobs(int count) {
  const Problem problem{DType::bf16, Accum::f32, Layout::nk, Pass::forward, 64, 64, 16};
  return std::vector<KernelConfig>(static_cast<std::size_t>(count), {problem, Family::simt, {64, 32, 32, 1, 8, 1, 8}});
}

}  // namespace

TEST_CASE("a stopped queue still begins the jobs that are required, and no others") {
  std::promise<void> stopped;
  std::shared_future<void> until = stopped.get_future();
  CompileQueue queue(
      jobs(3), 2, 1, [&](const KernelConfig&) { until.wait(); }, [] { return 0.0; }, kNever);
  queue.stop();
  stopped.set_value();
  for (const std::size_t job : {0, 1, 2}) {
    const auto done = queue.wait();
    REQUIRE(done);
    CHECK(done->job == job);
    CHECK(done->begun == (job < 2));
  }
  CHECK(!queue.wait());
}

TEST_CASE("a deadline that has passed keeps all jobs from being begun but those that are required") {
  CompileQueue queue(
      jobs(2), 1, 1, [](const KernelConfig&) { fail(SWIGLU_COMPILE_FAILED, "for a test"); }, [] { return 1.0; }, 0);
  const auto first = queue.wait();
  REQUIRE(first);
  CHECK(first->begun);
  CHECK(first->status == SWIGLU_COMPILE_FAILED);
  const auto second = queue.wait();
  REQUIRE(second);
  CHECK(!second->begun);
}
