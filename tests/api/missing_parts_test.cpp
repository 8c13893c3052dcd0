// A machine with neither driver nor NVRTC: the library loads, works on the CPU device, and says what is missing and
// where it was looked for.
#include "api/api.h"

namespace swiglu_test {
namespace {

constexpr const char* kNoDriver = "/nonexistent/libcuda.so.1";
constexpr const char* kNoCompiler = "/nonexistent/libnvrtc.so";

const ScratchDirectory& cache() {
  static const ScratchDirectory directory;
  return directory;
}

// Before the library reads the environment, which it does once, at its first use.
const bool kEnvironment = [] {
  setenv("SWIGLU_CUDA_LIBRARY", kNoDriver, 1);
  setenv("SWIGLU_NVRTC_LIBRARY", kNoCompiler, 1);
  setenv("SWIGLU_CACHE_DIR", cache().path().c_str(), 1);
  return true;
}();

TEST_CASE("a plan for a GPU names the driver that was not found") {
  swiglu_plan* plan = nullptr;
  const swiglu_plan_desc desc = description(0);
  check_failure(swiglu_plan_create(&plan, &desc), SWIGLU_NO_DRIVER, {kNoDriver});
  CHECK(plan == nullptr);
}

TEST_CASE("compiling ahead names the NVRTC that was not found, after looking at its arguments") {
  const swiglu_plan_desc desc = description(0);
  check_failure(swiglu_compile(&desc, "sm_80", 0, nullptr, nullptr), SWIGLU_NO_COMPILER, {kNoCompiler});
  check_failure(swiglu_compile(nullptr, "sm_80", 0, nullptr, nullptr), SWIGLU_INVALID_ARGUMENT, {"swiglu_plan_desc"});
  check_failure(swiglu_compile(&desc, nullptr, 0, nullptr, nullptr), SWIGLU_INVALID_ARGUMENT, {"arch is NULL"});
  check_failure(swiglu_compile(&desc, "sm_1", 0, nullptr, nullptr), SWIGLU_INVALID_ARGUMENT, {"\"sm_1\"", "sm_90a"});
  check_failure(swiglu_compile(&desc, "sm_80", 4, nullptr, nullptr), SWIGLU_INVALID_ARGUMENT, {"flags is 0x4"});
  swiglu_plan_desc bad = desc;
  bad.d_model = 0;
  check_failure(swiglu_compile(&bad, "sm_80", 0, nullptr, nullptr), SWIGLU_INVALID_ARGUMENT, {"d_model is 0"});
}

TEST_CASE("info tells what is missing, and never fails for it") {
  const Json info = Json::parse(text_of(swiglu_info));
  CHECK(info["library"]["version"] == "0.1.0");
  CHECK(info["driver"]["found"] == false);
  CHECK(info["driver"]["reason"].get<std::string>().find(kNoDriver) != std::string::npos);
  CHECK(info["nvrtc"]["found"] == false);
  CHECK(info["nvrtc"]["reason"].get<std::string>().find(kNoCompiler) != std::string::npos);
  CHECK(info["devices"].empty());
  CHECK(info["cpu"]["threads"].get<int>() >= 1);
  CHECK(info["cache"]["directory"] == cache().path().string());
}

TEST_CASE("the cache can be administered") {
  CHECK(text_of(swiglu_cache_directory) == cache().path().string());
  int reports = 0;
  const auto count = [](void* user, const char*) { ++*static_cast<int*>(user); };
  CHECK(swiglu_cache_list(count, &reports) == SWIGLU_OK);
  CHECK(swiglu_cache_verify(count, &reports) == SWIGLU_OK);
  CHECK(swiglu_cache_verify(nullptr, nullptr) == SWIGLU_OK);
  CHECK(reports == 0);
  check_failure(swiglu_cache_list(nullptr, nullptr), SWIGLU_INVALID_ARGUMENT, {"callback is NULL"});
  std::uint64_t removed = 9;
  std::uint64_t remaining = 9;
  CHECK(swiglu_cache_prune(0, &removed, &remaining) == SWIGLU_OK);
  CHECK(removed == 0);
  CHECK(remaining == 0);
  CHECK(swiglu_cache_prune(0, nullptr, nullptr) == SWIGLU_OK);
}

}  // namespace
}  // namespace swiglu_test
