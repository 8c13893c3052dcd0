// What shows in a fresh process alone.
#include "api/device_environment.h"
#include "api/machine.h"

namespace swiglu_test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("child: looks at devices" * doctest::skip()) {
  text_of(swiglu_info);
  const std::string records = text_of(swiglu_tuning_export);
  REQUIRE_MESSAGE(swiglu_tuning_import(records.data(), records.size(), 0, nullptr, nullptr) == SWIGLU_OK, last_error());
  CHECK(stand_in_calls("cuDeviceGetAttribute") > 0);
  CHECK(stand_in_calls("cuDevicePrimaryCtxRetain") == 0);
  make_plan(description(1));
  CHECK(stand_in_primary_retains(1) == 1);
  CHECK(stand_in_primary_retains(0) == 0);
}

TEST_CASE("a context is made on the device of a plan alone") { Machine().run("child: looks at devices"); }

TEST_CASE("child: makes a plan for the CPU device" * doctest::skip()) {
  std::string lines;
  const auto keep = [](void* to, swiglu_log_level, const char* line) { *static_cast<std::string*>(to) += line; };
  REQUIRE(swiglu_set_log_callback(keep, &lines, SWIGLU_LOG_WARNING) == SWIGLU_OK);
  make_plan(description(SWIGLU_DEVICE_CPU));
  swiglu_set_log_callback(nullptr, nullptr, SWIGLU_LOG_OFF);
  CHECK_MESSAGE(lines.find("SWIGLU_CPU_THREADS") != std::string::npos, lines);
}

TEST_CASE("who uses the CPU device alone hears of a bad environment") {
  Machine machine;
  machine.environment["SWIGLU_TEST_CPU_THREADS"] = "many";
  machine.run("child: makes a plan for the CPU device");
}

TEST_CASE("child: has nowhere to write kernels" * doctest::skip()) {
  const char* const directory = std::getenv("SWIGLU_CACHE_DIR");
  REQUIRE(directory != nullptr);
  check_failure(swiglu_cache_directory(nullptr, 0, nullptr), SWIGLU_IO_ERROR, {"memory alone", directory});
}

TEST_CASE("the cache's directory is told only where kernels are written to it") {
  Machine machine;
  const fs::path file = machine.scratch.path() / "no directory";
  std::ofstream(file) << "in the way";
  const fs::path open_to_all = machine.scratch.path() / "open";
  fs::create_directory(open_to_all);
  fs::permissions(open_to_all, fs::perms::all);
  for (const fs::path& directory : {file, open_to_all}) {
    machine.environment["SWIGLU_TEST_CACHE"] = directory.string();
    machine.run("child: has nowhere to write kernels");
  }
}

}  // namespace
}  // namespace swiglu_test
