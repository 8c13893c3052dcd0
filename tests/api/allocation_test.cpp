// Execution on a prepared plan allocates nothing and takes no lock: malloc and the locks are replaced by ones that
// count.
#include <dlfcn.h>
#include <pthread.h>

#include "api/backward_buffers.h"
#include "api/device_environment.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GLIBC__)

namespace {
thread_local std::uint64_t allocations = 0;
thread_local std::uint64_t locks = 0;

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}
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

[[gnu::visibility("default")]] int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  static const auto real = next<decltype(&pthread_mutex_lock)>("pthread_mutex_lock");
  ++locks;
  return real(mutex);
}
[[gnu::visibility("default")]] int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  static const auto real = next<decltype(&pthread_rwlock_rdlock)>("pthread_rwlock_rdlock");
  ++locks;
  return real(lock);
}
[[gnu::visibility("default")]] int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  static const auto real = next<decltype(&pthread_rwlock_wrlock)>("pthread_rwlock_wrlock");
  ++locks;
  return real(lock);
}
}

namespace swiglu_test {
namespace {

// A thousand executions on a prepared plan, so many driver calls each. The stand-in driver itself locks once for each,
// and allocates once for the name of each but the first, which asks for the current context, and for its growing list.
template <typename Execute>
void check_thousand(std::uint64_t calls_each, Execute execute) {
  constexpr std::uint64_t kExecutions = 1000;
  constexpr std::uint64_t kListGrows = 20;
  stand_in_set_current_context(stand_in_primary_context(0));
  REQUIRE_MESSAGE(execute() == SWIGLU_OK, last_error());
  const std::uint64_t calls_before = stand_in_calls(nullptr);
  int failures = 0;
  const std::uint64_t allocations_before = allocations;
  const std::uint64_t locks_before = locks;
  for (std::uint64_t i = 0; i < kExecutions; ++i) {
    failures += execute() == SWIGLU_OK ? 0 : 1;
  }
  const std::uint64_t made = allocations - allocations_before;
  const std::uint64_t taken = locks - locks_before;
  CHECK(failures == 0);
  CHECK(stand_in_calls(nullptr) - calls_before == calls_each * kExecutions);
  CHECK(made <= (calls_each - 1) * kExecutions + kListGrows);
  CHECK(taken == calls_each * kExecutions);
}

TEST_CASE_FIXTURE(StandIns, "a thousand executions allocate nothing of their own, and take no lock") {
  const PlanPointer plan = make_plan(desc);
  REQUIRE(swiglu_plan_prepare(plan.get(), 16) == SWIGLU_OK);
  void* const stream = stream_of(0);
  const swiglu_forward_args args = buffers.args(16);
  // Which context is current, four tensor maps, and the launch.
  check_thousand(6, [&] { return swiglu_execute(plan.get(), &args, stream); });
}

TEST_CASE_FIXTURE(StandIns, "nor do executions by way of padded rows") {
  desc.d_model += kMostModel;  // long rows, and no other test's
  desc.ld_x = desc.d_model + 1;
  desc.ld_out = desc.d_intermediate + 1;
  const PlanPointer plan = make_plan(desc);
  REQUIRE(swiglu_plan_prepare(plan.get(), 16) == SWIGLU_OK);
  swiglu_forward_args args = buffers.args(16);
  REQUIRE(swiglu_plan_workspace_size(plan.get(), SWIGLU_PASS_FORWARD, 16, &args.workspace_size) == SWIGLU_OK);
  REQUIRE(args.workspace_size > 0);
  std::vector<char> workspace(args.workspace_size);
  args.workspace = workspace.data();
  check_thousand(8, [&] { return swiglu_execute(plan.get(), &args, nullptr); });  // as above, and two copies' launches
}

TEST_CASE_FIXTURE(Backward, "nor do backward passes") {
  const PlanPointer plan = make_plan(desc);
  REQUIRE(swiglu_plan_prepare(plan.get(), 100) == SWIGLU_OK);
  void* const stream = stream_of(0);
  for (const bool recompute : {false, true}) {
    const swiglu_backward_args all = args(plan, 100, recompute);
    // Which context is current, three launches, and the tensor maps of their operands.
    check_thousand(14, [&] { return swiglu_execute_backward(plan.get(), &all, stream); });
  }
}

}  // namespace
}  // namespace swiglu_test

#endif
