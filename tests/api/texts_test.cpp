// Texts: statuses, the last error of each thread, buffers too small, the version, logging.
#include "api/api.h"

#include <bit>
#include <cstring>
#include <set>
#include <thread>

namespace swiglu_test {
namespace {

TEST_CASE("every status has its name and description, and others too") {
  std::set<std::string> names;
  std::set<std::string> descriptions;
  for (int value = SWIGLU_OK; value <= SWIGLU_WRONG_ENVIRONMENT; ++value) {
    const auto status = static_cast<swiglu_status>(value);
    names.insert(swiglu_status_name(status));
    descriptions.insert(swiglu_status_string(status));
  }
  CHECK(names.size() == SWIGLU_WRONG_ENVIRONMENT + 1);
  CHECK(descriptions.size() == SWIGLU_WRONG_ENVIRONMENT + 1);
  CHECK(names.count("SWIGLU_NOT_PREPARED") == 1);
  CHECK(swiglu_status_name(std::bit_cast<swiglu_status>(16)) != nullptr);
  CHECK(swiglu_status_string(std::bit_cast<swiglu_status>(16)) != nullptr);
}

TEST_CASE("the version is the header's") {
  int major = -1;
  int minor = -1;
  int patch = -1;
  CHECK(swiglu_version(&major, &minor, &patch) == SWIGLU_OK);
  CHECK(major == SWIGLU_VERSION_MAJOR);
  CHECK(minor == SWIGLU_VERSION_MINOR);
  CHECK(patch == SWIGLU_VERSION_PATCH);
  CHECK(swiglu_version(nullptr, nullptr, nullptr) == SWIGLU_OK);
}

TEST_CASE("the last error belongs to its thread, and success leaves it") {
  swiglu_plan_prepare(nullptr, 1);
  const std::string mine = last_error();
  CHECK(mine == "plan is NULL");
  std::thread([] {
    CHECK(last_error().empty());
    swiglu_plan_create(nullptr, nullptr);
    CHECK_FALSE(last_error().empty());
  }).join();
  CHECK(last_error() == mine);
  CHECK(swiglu_version(nullptr, nullptr, nullptr) == SWIGLU_OK);
  CHECK(last_error() == mine);
}

TEST_CASE("a buffer too small gets as much as fits, always terminated") {
  swiglu_plan_prepare(nullptr, 1);  // "plan is NULL"
  char buffer[16];
  std::memset(buffer, 'z', sizeof buffer);
  std::size_t needed = 0;
  CHECK(swiglu_last_error(buffer, 5, &needed) == SWIGLU_BUFFER_TOO_SMALL);
  CHECK(std::string(buffer) == "plan");
  CHECK(buffer[5] == 'z');
  CHECK(needed == 13);
  CHECK(swiglu_last_error(buffer, 12, nullptr) == SWIGLU_BUFFER_TOO_SMALL);
  CHECK(swiglu_last_error(buffer, 13, nullptr) == SWIGLU_OK);
  CHECK(std::string(buffer) == "plan is NULL");
  CHECK(swiglu_last_error(nullptr, 5, nullptr) == SWIGLU_INVALID_ARGUMENT);
  CHECK(last_error() == "plan is NULL");  // asking does not change it

  check_failure(swiglu_info(buffer, 1, &needed), SWIGLU_BUFFER_TOO_SMALL, {"size is 1"});
  CHECK(buffer[0] == '\0');
  CHECK(needed > 100);
  check_failure(swiglu_info(nullptr, 9, &needed), SWIGLU_INVALID_ARGUMENT, {"buffer is NULL"});
  const PlanPointer plan = make_plan(description(SWIGLU_DEVICE_CPU));
  CHECK(swiglu_plan_describe(plan.get(), 4, buffer, 2, &needed) == SWIGLU_BUFFER_TOO_SMALL);
  CHECK(std::string(buffer) == "{");
}

TEST_CASE("the log callback's arguments") {
  const auto ignore = [](void*, swiglu_log_level, const char*) {};
  CHECK(swiglu_set_log_callback(ignore, nullptr, SWIGLU_LOG_DEBUG) == SWIGLU_OK);
  check_failure(swiglu_set_log_callback(ignore, nullptr, static_cast<swiglu_log_level>(5)), SWIGLU_INVALID_ARGUMENT,
                {"level is 5"});
  CHECK(swiglu_set_log_callback(nullptr, nullptr, SWIGLU_LOG_WARNING) == SWIGLU_OK);
}

}  // namespace
}  // namespace swiglu_test
