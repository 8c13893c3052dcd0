// What shows in a fresh process alone.
#include "api/device_environment.h"
#include "api/machine.h"

namespace swiglu_test {
namespace {

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

}  // namespace
}  // namespace swiglu_test
