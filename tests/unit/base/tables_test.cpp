// Architectures, status names, digests, log levels: look-ups and known values.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "base/arch.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/location.h"
#include "base/log.h"
#include "base/status.h"

namespace {

using namespace swiglu;

TEST_CASE("the table is sorted, complete and plausible") {
  const std::vector<int> expected = {75, 80, 86, 87, 89, 90, 100, 103, 110, 120, 121};
  std::vector<int> found;
  for (const Arch& arch : arch_table()) {
    CAPTURE(arch.name);
    found.push_back(arch.compute_capability);
    CHECK(arch.representative.compute_capability == arch.compute_capability);
    CHECK(arch.representative.shared_bytes_per_block <= arch.representative.shared_bytes_per_multiprocessor);
    CHECK(arch.representative.shared_bytes_per_block >= 64 * 1024);
    CHECK(arch.representative.multiprocessors > 0);
    CHECK(arch.representative.memory_bytes_per_second > 1e11);
    CHECK(arch.representative.dense_flops_per_second_f16 >= arch.representative.dense_flops_per_second);
    REQUIRE_FALSE(arch.families.empty());
    CHECK(arch.families.back() == Family::simt);
    CHECK((std::find(arch.families.begin(), arch.families.end(), Family::mma_sm80) != arch.families.end()) ==
          (arch.compute_capability >= 80));
    CHECK((arch.families.front() == Family::wgmma_sm90) == (arch.compute_capability == 90));
  }
  CHECK(found == expected);
}

TEST_CASE("by name") {
  CHECK(std::string(find_arch("sm_90")->name) == "sm_90a");
  CHECK(std::string(find_arch("sm_90a")->name) == "sm_90a");
  CHECK(find_arch("sm_80")->compute_capability == 80);
  CHECK(find_arch("sm_90")->representative.shared_bytes_per_block == 232448);
  CHECK(find_arch("sm_89")->representative.shared_bytes_per_block == 101376);
  for (const char* unknown : {"", "90", "sm_", "sm_70", "sm_80a", "sm_90b", "SM_90", "sm_90a ", "compute_90"}) {
    CAPTURE(unknown);
    CHECK_FALSE(find_arch(unknown).has_value());
  }
}

TEST_CASE("by compute capability: the same major, not above; a suffix only for an exact match") {
  const auto name_for = [](int compute_capability) {
    const auto arch = arch_for_compute_capability(compute_capability);
    return arch ? std::string(arch->name) : std::string("none");
  };
  CHECK(name_for(90) == "sm_90a");
  CHECK(name_for(89) == "sm_89");
  CHECK(name_for(88) == "sm_87");
  CHECK(name_for(82) == "sm_80");
  CHECK(name_for(103) == "sm_103a");
  CHECK(name_for(101) == "sm_100");
  CHECK(name_for(122) == "sm_121");
  CHECK(name_for(75) == "sm_75");
  for (const int unknown : {-1, 0, 35, 70, 72, 74, 130}) {
    CAPTURE(unknown);
    CHECK(name_for(unknown) == "none");
  }
}

TEST_CASE("status names") {
  std::set<std::string> names;
  std::set<std::string> descriptions;
  for (int i = 0; i <= SWIGLU_WRONG_ENVIRONMENT; ++i) {
    names.insert(status_name(static_cast<swiglu_status>(i)));
    descriptions.insert(status_string(static_cast<swiglu_status>(i)));
  }
  CHECK(names.size() == SWIGLU_WRONG_ENVIRONMENT + 1);
  CHECK(descriptions.size() == SWIGLU_WRONG_ENVIRONMENT + 1);
  CHECK(std::string(status_name(SWIGLU_OK)) == "SWIGLU_OK");
  CHECK(std::string(status_name(SWIGLU_INTERNAL)) == "SWIGLU_INTERNAL");
  const int number = 999;
  swiglu_status unknown{};
  std::memcpy(&unknown, &number, sizeof unknown);  // as C callers can pass it; no value of the enumeration in C++
  CHECK(std::string(status_name(unknown)) == "SWIGLU_UNKNOWN_STATUS");
  CHECK_FALSE(std::string(status_string(unknown)).empty());
}

TEST_CASE("errors carry a status and a formatted message") {
  try {
    fail(SWIGLU_NO_DEVICE, "device {} of {}", 3, 2);
  } catch (const Error& error) {
    CHECK(error.status() == SWIGLU_NO_DEVICE);
    CHECK(std::string(error.what()) == "device 3 of 2");
  }
}

TEST_CASE("digests: published values of XXH3-128 with seed 0") {
  CHECK(hex(digest(std::string_view())) == "99aa06d3014798d86001c324468d497f");
  CHECK(hex(digest(std::string_view("a"))) == "a96faf705af16834e6c632b61e964e1f");
  CHECK(hex(digest(std::string_view("abc"))) == "06b05ab6733a618578af5f94892f3950");
  CHECK(digest(std::string_view("abc")) != digest(std::string_view("abd")));
  CHECK(is_hex(hex(digest(std::string_view("abc")))));
  CHECK(is_hex("0f"));
  CHECK_FALSE(is_hex("0F"));
  CHECK_FALSE(is_hex("0g"));
  const std::string text(100'000, 'x');
  CHECK(digest(std::as_bytes(std::span(text.data(), text.size()))) == digest(std::string_view(text)));
}

TEST_CASE("log lines reach the callback from the chosen level on") {
  struct Line {
    swiglu_log_level level;
    std::string text;
  };
  std::vector<Line> lines;
  const auto callback = [](void* user, swiglu_log_level level, const char* message) {
    static_cast<std::vector<Line>*>(user)->push_back({level, message});
  };
  set_log_callback(callback, &lines, SWIGLU_LOG_INFO);
  log().debug("below");
  log().write(SWIGLU_LOG_INFO, "{} is {}", "x", 1);
  log().warn("careful");
  log().write(SWIGLU_LOG_ERROR, "bad");
  set_log_callback(callback, &lines, SWIGLU_LOG_OFF);
  log().write(SWIGLU_LOG_ERROR, "silent");
  set_log_callback(nullptr, nullptr, SWIGLU_LOG_WARNING);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].level == SWIGLU_LOG_INFO);
  CHECK(lines[0].text == "x is 1");
  CHECK(lines[1].level == SWIGLU_LOG_WARNING);
  CHECK(lines[2].level == SWIGLU_LOG_ERROR);
  CHECK(parse_log_level("warning") == SWIGLU_LOG_WARNING);
  CHECK_FALSE(parse_log_level("Warning").has_value());
}

TEST_CASE("the library knows where it lies") {
  const auto directory = library_directory();
  REQUIRE(directory.has_value());
  CHECK(directory->is_absolute());
  CHECK(std::filesystem::is_directory(*directory));
}

}  // namespace
