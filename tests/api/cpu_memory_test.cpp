// The CPU device when memory runs out, at each allocation in turn: an execution either fails and has written nothing,
// or makes do with fewer threads. operator new is replaced by one that fails where it is told to.
#include <atomic>
#include <new>

#include "api/api.h"

namespace {
std::atomic<long> allocations_left{-1};  // < 0: all of them succeed
}  // namespace

// Not inlined: compilers would see new memory freed.
[[gnu::noinline]] void* operator new(std::size_t size) {
  const bool fails = allocations_left >= 0 && allocations_left-- == 0;
  void* const memory = fails ? nullptr : std::malloc(size);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace swiglu_test {
namespace {

// Before the library reads the environment, which it does once, at its first use.
const bool kEnvironment = setenv("SWIGLU_CPU_THREADS", "4", 1) == 0;

constexpr std::int64_t kM = 256;
constexpr std::int64_t kModel = 256;  // with them the work is worth the threads
constexpr std::int64_t kIntermediate = 96;
constexpr std::uint16_t kPoison = 0xdead;

using Elements = std::vector<std::uint16_t>;

struct Problem {
  Problem() {
    desc.passes = SWIGLU_PASS_FORWARD_STORE | SWIGLU_PASS_BACKWARD | SWIGLU_PASS_BACKWARD_RECOMPUTE;
    desc.d_model = kModel;
    plan = make_plan(desc);
  }

  swiglu_status forward() {
    swiglu_forward_args args{};
    args.struct_size = sizeof args;
    args.m = kM;
    args.x = x.data();
    args.w_gate = args.w_up = weights.data();
    args.out = outputs[0].data();
    args.g = outputs[1].data();
    args.u = outputs[2].data();
    return swiglu_execute(plan.get(), &args, nullptr);
  }

  swiglu_status backward(bool recompute) {
    swiglu_backward_args args{};
    args.struct_size = sizeof args;
    args.m = kM;
    args.dout = x.data();
    args.x = x.data();
    args.w_gate = args.w_up = weights.data();
    args.g = args.u = recompute ? nullptr : x.data();
    args.dx = outputs[0].data();
    args.dw_gate = outputs[1].data();
    args.dw_up = outputs[2].data();
    args.workspace = workspace.data();
    args.workspace_size = workspace.size() * sizeof(float);
    return swiglu_execute_backward(plan.get(), &args, nullptr);
  }

  void poison() {
    for (Elements& output : outputs) {
      output.assign(kM * kModel, kPoison);
    }
  }

  swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
  PlanPointer plan;
  Elements x = Elements(kM * kModel, 0x3c00);
  Elements weights = Elements(kModel * kIntermediate, 0x3c01);
  std::vector<Elements> outputs = std::vector<Elements>(3, Elements(kM* kModel, kPoison));
  std::vector<float> workspace = std::vector<float>(2 * kM * kIntermediate);
};

template <typename Execute>
void fail_each_allocation(Problem& problem, Execute execute) {
  const std::vector<Elements> poisoned = problem.outputs;
  REQUIRE(execute() == SWIGLU_OK);
  const std::vector<Elements> right = problem.outputs;
  int refused = 0;
  int served = 0;
  bool reached = true;
  for (long allocation = 0; reached; ++allocation) {
    problem.poison();
    allocations_left = allocation;
    const swiglu_status status = execute();
    reached = allocations_left.exchange(-1) < 0;
    CAPTURE(allocation);
    if (status == SWIGLU_OK) {
      served += reached ? 1 : 0;
      CHECK(problem.outputs == right);
    } else {
      ++refused;
      CHECK(status == SWIGLU_OUT_OF_MEMORY);
      CHECK(problem.outputs == poisoned);
    }
  }
  CHECK(refused > 0);
  CHECK(served > 0);  // where the allocation was a thread's
}

TEST_CASE("a forward pass that runs out of memory has written nothing") {
  Problem problem;
  fail_each_allocation(problem, [&] { return problem.forward(); });
}

TEST_CASE("a backward pass that runs out of memory has written nothing") {
  for (const bool recompute : {false, true}) {
    CAPTURE(recompute);
    Problem problem;
    fail_each_allocation(problem, [&] { return problem.backward(recompute); });
  }
}

}  // namespace
}  // namespace swiglu_test
