// Execution on a prepared plan allocates nothing: malloc is replaced by one that counts.
#include "api/device_environment.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GLIBC__)

namespace {
thread_local std::uint64_t allocations = 0;
}  // namespace

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* pointer, std::size_t size);

void* malloc(std::size_t size) noexcept {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  ++allocations;
  return __libc_calloc(count, size);
}
void* realloc(void* pointer, std::size_t size) noexcept {
  ++allocations;
  return __libc_realloc(pointer, size);
}
}

namespace swiglu_test {
namespace {

TEST_CASE_FIXTURE(StandIns, "a thousand executions allocate nothing of their own") {
  const PlanPointer plan = make_plan(desc);
  REQUIRE(swiglu_plan_prepare(plan.get(), 16) == SWIGLU_OK);
  stand_in_set_current_context(stand_in_primary_context(0));
  void* const stream = stream_of(0);
  const swiglu_forward_args args = buffers.args(16);
  REQUIRE(swiglu_execute(plan.get(), &args, stream) == SWIGLU_OK);
  constexpr std::uint64_t kExecutions = 1000;
  const std::uint64_t calls_before = stand_in_calls(nullptr);
  int failures = 0;
  const std::uint64_t before = allocations;
  for (std::uint64_t i = 0; i < kExecutions; ++i) {
    failures += swiglu_execute(plan.get(), &args, stream) == SWIGLU_OK ? 0 : 1;
  }
  const std::uint64_t made = allocations - before;
  CHECK(failures == 0);
  // Six driver calls each: which context is current, four tensor maps, and the launch. The stand-in driver itself
  // allocates once for each of the last five (the call's name) and for its growing list.
  CHECK(stand_in_calls(nullptr) - calls_before == 6 * kExecutions);
  CHECK(made <= 5 * kExecutions + 20);
}

TEST_CASE_FIXTURE(StandIns, "nor do executions by way of padded rows") {
  desc.d_model += kMostModel;  // long rows, and no other test's
  desc.ld_x = desc.d_model + 1;
  desc.ld_out = desc.d_intermediate + 1;
  const PlanPointer plan = make_plan(desc);
  REQUIRE(swiglu_plan_prepare(plan.get(), 16) == SWIGLU_OK);
  stand_in_set_current_context(stand_in_primary_context(0));
  swiglu_forward_args args = buffers.args(16);
  REQUIRE(swiglu_plan_workspace_size(plan.get(), SWIGLU_PASS_FORWARD, 16, &args.workspace_size) == SWIGLU_OK);
  REQUIRE(args.workspace_size > 0);
  std::vector<char> workspace(args.workspace_size);
  args.workspace = workspace.data();
  REQUIRE_MESSAGE(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK, last_error());
  constexpr std::uint64_t kExecutions = 1000;
  const std::uint64_t calls_before = stand_in_calls(nullptr);
  const std::uint64_t before = allocations;
  for (std::uint64_t i = 0; i < kExecutions; ++i) {
    swiglu_execute(plan.get(), &args, nullptr);
  }
  const std::uint64_t made = allocations - before;
  CHECK(stand_in_calls(nullptr) - calls_before == 8 * kExecutions);  // as above, and the copies' launches
  CHECK(made <= 7 * kExecutions + 20);
}

}  // namespace
}  // namespace swiglu_test

#endif
