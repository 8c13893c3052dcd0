// The driver table: found, refused with reasons, initialised once, and not in a forked child.
#include <doctest/doctest.h>

#include "cuda/driver.h"

#include <sys/wait.h>
#include <unistd.h>

#include "cuda/device.h"
#include "cuda/handles.h"
#include "support/stand_in_driver/stand_in.h"
#include "unit/cuda/environment.h"

namespace swiglu {
namespace {

using test::Outcome;
using test::outcome_of;
const test::StandInEnvironment kEnvironment;

Outcome load(const char* library) {
  return outcome_of([&] { load_driver(library); });
}

// Runs one skipped test case of this executable in a process of its own; its exit status.
int run_alone(const char* test_case) {
  const std::string filter = std::string("--test-case=") + test_case;
  const pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", "unit_cuda", filter.c_str(), "--no-skip", "--minimal", nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("load_driver fills the table and says where it is from") {
  stand_in_reset();
  const DriverTable table = load_driver(STAND_IN_CUDA_LIBRARY);
  CHECK(table.version == 13000);
  CHECK(table.path.filename() == "libstand_in_cuda.so");
  CHECK((table.function_load != nullptr));
  CHECK(stand_in_calls("cuInit") == 0);  // loading initialises nothing
}

TEST_CASE("load_driver leaves functions that an older driver lacks null") {
  stand_in_reset();
  stand_in_set_driver_version(12000);
  const DriverTable table = load_driver(STAND_IN_CUDA_LIBRARY);
  CHECK((table.function_load == nullptr));
  CHECK((table.library_load_data != nullptr));
}

TEST_CASE("load_driver refuses what will not do, with the reason") {
  stand_in_reset();
  const Outcome missing = load("/nowhere/libcuda.so.1");
  CHECK(missing.status == SWIGLU_NO_DRIVER);
  CHECK(missing.says("/nowhere/libcuda.so.1"));
  CHECK(missing.says("SWIGLU_CUDA_LIBRARY"));
  const Outcome other = load("libm.so.6");
  CHECK(other.status == SWIGLU_NO_DRIVER);
  CHECK(other.says("is no CUDA driver"));
  stand_in_set_driver_version(11080);
  const Outcome old = load(STAND_IN_CUDA_LIBRARY);
  CHECK(old.status == SWIGLU_NO_DRIVER);
  CHECK(old.says("11.8"));
  CHECK(old.says("12.0"));
  stand_in_reset();
  stand_in_fail("cuGetProcAddress", CUDA_ERROR_NOT_FOUND, 4, 1);
  const Outcome incomplete = load(STAND_IN_CUDA_LIBRARY);
  CHECK(incomplete.status == SWIGLU_NO_DRIVER);
  CHECK(incomplete.says("has no cuDeviceGetName"));
  stand_in_reset();
}

TEST_CASE("alone: a failing cuInit is told, and tried again" * doctest::skip()) {
  stand_in_reset();
  stand_in_fail("cuInit", CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, 0, 1);
  const Outcome failed = outcome_of([] { driver(); });
  CHECK(failed.status == SWIGLU_CUDA_ERROR);
  CHECK(failed.says("803"));
  CHECK(outcome_of([] { driver(); }).status == SWIGLU_OK);
  driver();
  CHECK(stand_in_calls("cuInit") == 2);
}

TEST_CASE("alone: a machine without devices has a driver and no device" * doctest::skip()) {
  stand_in_set_devices(nullptr, 0);
  CHECK(Device::count() == 0);
  const Outcome none = outcome_of([] { Device::get(0); });
  CHECK(none.status == SWIGLU_NO_DEVICE);
  CHECK(none.says("SWIGLU_DEVICE_CPU"));
}

TEST_CASE("driver() in processes of their own") {
  CHECK(run_alone("alone: a failing cuInit is told, and tried again") == 0);
  CHECK(run_alone("alone: a machine without devices has a driver and no device") == 0);
}

TEST_CASE("driver() refuses to work in a child forked after initialisation") {
  stand_in_reset();
  driver();
  const pid_t child = fork();
  if (child == 0) {
    const Outcome outcome = outcome_of([] { Device::get(0); });
    _exit(outcome.status == SWIGLU_CUDA_ERROR && outcome.says("forked") ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(outcome_of([] { driver(); }).status == SWIGLU_OK);  // the parent goes on
}

TEST_CASE("check names the error") {
  stand_in_reset();
  const Outcome illegal = outcome_of([] { check(CUDA_ERROR_ILLEGAL_ADDRESS, "reading tea leaves"); });
  CHECK(illegal.status == SWIGLU_CUDA_ERROR);
  CHECK(illegal.says("reading tea leaves failed: "));
  CHECK(illegal.says("CUDA_ERROR_ILLEGAL_ADDRESS (700)"));
  CHECK(outcome_of([] { check(CUDA_ERROR_OUT_OF_MEMORY, "x"); }).status == SWIGLU_OUT_OF_MEMORY);
  CHECK(outcome_of([] { check(static_cast<CUresult>(998), "x"); }).says("unnamed driver error (998)"));
  CHECK(outcome_of([] { check(CUDA_SUCCESS, "x"); }).status == SWIGLU_OK);
}

TEST_CASE("versions are spelled as people say them") {
  CHECK(version_text(12080) == "12.8");
  CHECK(version_text(13000) == "13.0");
}

TEST_CASE("RelaxedCapture restores the thread's mode") {
  stand_in_reset();
  CHECK(stand_in_capture_mode() == CU_STREAM_CAPTURE_MODE_GLOBAL);
  {
    const RelaxedCapture relaxed;
    CHECK(stand_in_capture_mode() == CU_STREAM_CAPTURE_MODE_RELAXED);
  }
  CHECK(stand_in_capture_mode() == CU_STREAM_CAPTURE_MODE_GLOBAL);
}

int destroyed = 0;
void count_destruction(int*) noexcept { ++destroyed; }

TEST_CASE("Handle owns once") {
  destroyed = 0;
  int object = 0;
  {
    Handle<int*, count_destruction> first(&object);
    Handle<int*, count_destruction> second(std::move(first));
    CHECK(second.get() == &object);
    Handle<int*, count_destruction> third;
    CHECK(!third);
    third = std::move(second);
    CHECK(third.get() == &object);
    CHECK(destroyed == 0);
    int other = 0;
    third = Handle<int*, count_destruction>(&other);
    CHECK(destroyed == 1);
  }
  CHECK(destroyed == 2);
}

TEST_CASE("unloading after the driver has gone is silent and harmless") {
  stand_in_reset();
  driver();
  stand_in_fail("cuLibraryUnload", CUDA_ERROR_DEINITIALIZED, 0, 1);
  { const LibraryHandle library(reinterpret_cast<CUlibrary>(0x10)); }
  CHECK(stand_in_calls("cuLibraryUnload") == 1);
}

}  // namespace
}  // namespace swiglu
