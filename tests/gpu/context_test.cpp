// Contexts and devices: the caller's current context is as it was after every call, whatever it was; streams and
// devices that do not belong to the plan are refused and nothing is written.
#include <cuda.h>

#include <functional>
#include <thread>

#include "gpu/cuda_memory.h"
#include "numeric/cases.h"
#include "support/plan.h"

namespace swiglu_test {
namespace {

constexpr std::int64_t kRows = 65;

// The driver's functions, found through the runtime: these tests link no libcuda.
struct Driver {
  CUresult (*get_current)(CUcontext*);
  CUresult (*set_current)(CUcontext);
  CUresult (*create)(CUcontext*, unsigned, CUdevice);
  CUresult (*destroy)(CUcontext);
  CUresult (*create_stream)(CUstream*, unsigned);
  CUresult (*destroy_stream)(CUstream);

  Driver() {
    find("cuCtxGetCurrent", 4000, get_current);
    find("cuCtxSetCurrent", 4000, set_current);
    find("cuCtxCreate", 3020, create);  // of that age: no parameters structure
    find("cuCtxDestroy", 4000, destroy);
    find("cuStreamCreate", 4000, create_stream);
    find("cuStreamDestroy", 4000, destroy_stream);
  }

 private:
  template <typename Function>
  static void find(const char* name, unsigned version, Function& function) {
    void* address = nullptr;
    cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
    require_cuda(cudaGetDriverEntryPointByVersion(name, &address, version, cudaEnableDefault, &found), name);
    if (found != cudaDriverEntryPointSuccess) {
      throw std::runtime_error(std::string(name) + " was not found in the driver");
    }
    function = reinterpret_cast<Function>(address);
  }
};

// Every kind of call with `context` current, on a thread of its own; the context must be current after each.
std::string calls_keep(const Driver& driver, CUcontext context) {
  std::string failure;
  const Case test = make_case(kKinds[0], 72, 80, {kRows});
  Trial trial(memory_under_test(), test, kRows);
  trial.upload();
  const Stream stream = make_stream();
  const auto run = [&] {
    driver.set_current(context);
    const auto check = [&](swiglu_status status, swiglu_status wanted, const char* call) {
      if (status != wanted) {
        failure += std::string(call) + ": " + swiglu_status_name(status) + " " + last_error() + "; ";
      }
      CUcontext current = nullptr;
      driver.get_current(&current);
      if (current != context) {
        failure += std::string(call) + " left another context current; ";
        driver.set_current(context);
      }
    };
    swiglu_plan* plan = nullptr;
    swiglu_plan_desc desc = plan_desc(test, test_device());
    check(swiglu_plan_create(&plan, &desc), SWIGLU_OK, "swiglu_plan_create");
    check(swiglu_plan_prepare(plan, kRows), SWIGLU_OK, "swiglu_plan_prepare");
    const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD);
    check(swiglu_execute(plan, &args, stream.get()), SWIGLU_OK, "swiglu_execute");
    char text[16];
    check(swiglu_plan_describe(plan, kRows, text, sizeof text, nullptr), SWIGLU_BUFFER_TOO_SMALL,
          "swiglu_plan_describe");
    char information[1 << 15];
    check(swiglu_info(information, sizeof information, nullptr), SWIGLU_OK, "swiglu_info");
    swiglu_forward_args wrong = args;
    wrong.x = nullptr;
    check(swiglu_execute(plan, &wrong, stream.get()), SWIGLU_INVALID_ARGUMENT, "swiglu_execute without x");
    swiglu_plan_destroy(plan);
    check(SWIGLU_OK, SWIGLU_OK, "swiglu_plan_destroy");
    driver.set_current(nullptr);
  };
  std::thread(run).join();
  return failure + trial.verify(SWIGLU_PASS_FORWARD);
}

}  // namespace

TEST_CASE("the current context is restored: none, the primary, another") {
  const Driver driver;
  const std::string with_none = calls_keep(driver, nullptr);
  CHECK_MESSAGE(with_none.empty(), "none current: ", with_none);
  CUcontext primary = nullptr;
  require_cuda(cudaFree(nullptr), "cudaFree");
  driver.get_current(&primary);
  REQUIRE(primary != nullptr);
  const std::string with_primary = calls_keep(driver, primary);
  CHECK_MESSAGE(with_primary.empty(), "primary current: ", with_primary);
  CUcontext other = nullptr;
  REQUIRE(driver.create(&other, 0, test_device()) == CUDA_SUCCESS);
  driver.set_current(primary);
  const std::string with_other = calls_keep(driver, other);
  CHECK_MESSAGE(with_other.empty(), "another context current: ", with_other);
  driver.destroy(other);
}

TEST_CASE("a stream of another context of the same device is refused") {
  const Driver driver;
  const Case test = make_case(kKinds[0], 72, 80, {kRows});
  Trial trial(memory_under_test(), test, kRows);
  trial.upload();
  const Plan plan = make_plan(plan_desc(test, test_device()));
  require(swiglu_plan_prepare(plan.get(), kRows), "swiglu_plan_prepare");
  CUcontext primary = nullptr;
  driver.get_current(&primary);
  CUcontext other = nullptr;
  REQUIRE(driver.create(&other, 0, test_device()) == CUDA_SUCCESS);  // and makes it current
  CUstream stream = nullptr;
  REQUIRE(driver.create_stream(&stream, CU_STREAM_NON_BLOCKING) == CUDA_SUCCESS);
  driver.set_current(primary);
  const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD);
  CHECK(swiglu_execute(plan.get(), &args, stream) == SWIGLU_INVALID_ARGUMENT);
  CHECK(last_error() != "");
  driver.set_current(other);
  driver.destroy_stream(stream);
  driver.set_current(primary);
  driver.destroy(other);
  CHECK(trial.verify_untouched() == "");
}

TEST_CASE("devices that do not exist") {
  const Case test = make_case(kKinds[0], 64, 64, {1});
  for (const std::int32_t device : {device_count(), 1000}) {
    const swiglu_plan_desc desc = plan_desc(test, device);
    swiglu_plan* plan = nullptr;
    CHECK(swiglu_plan_create(&plan, &desc) == SWIGLU_NO_DEVICE);
    CHECK(plan == nullptr);
    CHECK(last_error().find(std::to_string(device)) != std::string::npos);
  }
}

TEST_CASE("two devices: a plan for each from one thread, the current device unchanged, foreign streams refused") {
  if (device_count() < 2) {
    MESSAGE("skipped: one GPU");
    return;
  }
  const int another = test_device() == 0 ? 1 : 0;
  CudaMemory second_memory(another);
  const Case test = make_case(kKinds[0], 72, 80, {kRows});
  const Plan first = make_plan(plan_desc(test, test_device()));
  const Plan second = make_plan(plan_desc(test, another));
  for (const int current : {test_device(), another}) {
    const DeviceScope scope(current);
    CHECK(run_case(memory_under_test(), test) == "");
    CHECK(run_case(second_memory, test) == "");
    int after = -1;
    require_cuda(cudaGetDevice(&after), "cudaGetDevice");
    CHECK(after == current);
  }
  Trial trial(second_memory, test, kRows);
  trial.upload();
  const Stream stream_of_first = make_stream();
  const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD);
  CHECK(swiglu_execute(second.get(), &args, stream_of_first.get()) == SWIGLU_INVALID_ARGUMENT);
  CHECK(trial.verify_untouched() == "");
}

}  // namespace swiglu_test
