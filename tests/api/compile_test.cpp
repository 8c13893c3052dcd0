// Compiling ahead for named architectures, and the cache it fills, over the stand-in NVRTC.
#include "api/device_environment.h"

#include <set>
#include <stdexcept>
#include <thread>

namespace swiglu_test {
namespace {

struct Reports {
  std::vector<Json> all;
  std::set<std::thread::id> threads;

  static void add(void* user, const char* json) {
    auto* reports = static_cast<Reports*>(user);
    reports->all.push_back(Json::parse(json));
    reports->threads.insert(std::this_thread::get_id());
  }
};

std::set<std::string> configs(const Reports& reports) {
  std::set<std::string> found;
  for (const Json& report : reports.all) {
    found.insert(report["config"].get<std::string>());
  }
  return found;
}

TEST_CASE_FIXTURE(StandIns, "reports each kernel once, on the calling thread") {
  Reports chosen;
  REQUIRE_MESSAGE(swiglu_compile(&desc, "sm_90a", 0, Reports::add, &chosen) == SWIGLU_OK, last_error());
  REQUIRE(chosen.all.size() >= 2);  // one alignment each at the least
  CHECK(configs(chosen).size() == chosen.all.size());
  CHECK(stand_in_nvrtc_compiles() == chosen.all.size());
  CHECK(chosen.threads == std::set<std::thread::id>{std::this_thread::get_id()});
  for (const Json& report : chosen.all) {
    CHECK(report["ok"] == true);
    CHECK(report["origin"] == "compiled");
    CHECK(report["registers"] == 96);
    CHECK(report["spill_bytes"] == 0);
    CHECK(report["shared_bytes"].get<int>() > 0);
    CHECK(report["milliseconds"].get<double>() >= 0);
  }
  Reports all;
  REQUIRE(swiglu_compile(&desc, "sm_90a", SWIGLU_COMPILE_ALL_CANDIDATES, Reports::add, &all) == SWIGLU_OK);
  CHECK(all.all.size() > chosen.all.size());
  for (const std::string& config : configs(chosen)) {
    CHECK(configs(all).count(config) == 1);
  }
}

TEST_CASE_FIXTURE(StandIns, "what it compiles for a device's architecture, a plan on the device finds") {
  desc.passes = SWIGLU_PASS_FORWARD | SWIGLU_PASS_FORWARD_STORE;
  check_compiled_ahead(desc);
}

TEST_CASE_FIXTURE(StandIns, "compiles again only when forced, and never when cached only") {
  desc.tuning = SWIGLU_TUNING_CACHED_ONLY;
  Reports missing;
  check_failure(swiglu_compile(&desc, "sm_80", 0, Reports::add, &missing), SWIGLU_NOT_CACHED, {"sm_80", "no store"});
  CHECK(missing.all.size() >= 2);
  CHECK(missing.all[0]["ok"] == false);
  CHECK_FALSE(missing.all[0]["message"].get<std::string>().empty());
  desc.tuning = SWIGLU_TUNING_ESTIMATE;
  REQUIRE(swiglu_compile(&desc, "sm_80", 0, nullptr, nullptr) == SWIGLU_OK);
  const std::uint64_t compiles = stand_in_nvrtc_compiles();
  CHECK(compiles == missing.all.size());
  REQUIRE(swiglu_compile(&desc, "sm_80", 0, nullptr, nullptr) == SWIGLU_OK);
  CHECK(stand_in_nvrtc_compiles() == compiles);
  REQUIRE(swiglu_compile(&desc, "sm_80", SWIGLU_COMPILE_FORCE, nullptr, nullptr) == SWIGLU_OK);
  CHECK(stand_in_nvrtc_compiles() == 2 * compiles);
}

TEST_CASE_FIXTURE(StandIns, "goes on after a kernel that fails") {
  stand_in_nvrtc_fail(kNvrtcErrorCompilation, "error: out of luck", 1);
  Reports reports;
  check_failure(swiglu_compile(&desc, "sm_86", 0, Reports::add, &reports), SWIGLU_COMPILE_FAILED, {"1 of", "sm_86"});
  int failed = 0;
  for (const Json& report : reports.all) {
    if (!report["ok"]) {
      ++failed;
      CHECK(report["message"].get<std::string>().find("out of luck") != std::string::npos);
    }
  }
  CHECK(failed == 1);
  CHECK(reports.all.size() >= 2);
}

TEST_CASE_FIXTURE(StandIns, "an exception from the callback ends the call, not the process") {
  const auto broken = [](void*, const char*) { throw std::runtime_error("from the callback"); };
  check_failure(swiglu_compile(&desc, "sm_80", 0, broken, nullptr), SWIGLU_INTERNAL, {"from the callback"});
}

TEST_CASE_FIXTURE(StandIns, "the cache lists what was compiled, and can be emptied") {
  REQUIRE(swiglu_cache_prune(0, nullptr, nullptr) == SWIGLU_OK);
  Reports compiled;
  REQUIRE(swiglu_compile(&desc, "sm_80", SWIGLU_COMPILE_FORCE, Reports::add, &compiled) == SWIGLU_OK);
  Reports listed;
  REQUIRE(swiglu_cache_list(Reports::add, &listed) == SWIGLU_OK);
  CHECK(configs(listed) == configs(compiled));
  std::uint64_t bytes = 0;
  for (const Json& entry : listed.all) {
    CHECK(entry["arch"] == "sm_80");
    CHECK(entry["writable"] == true);
    CHECK(entry["used"].get<std::int64_t>() > 1700000000);
    bytes += entry["bytes"].get<std::uint64_t>();
  }
  Reports damaged;
  CHECK(swiglu_cache_verify(Reports::add, &damaged) == SWIGLU_OK);
  CHECK(damaged.all.empty());
  std::uint64_t removed = 0;
  std::uint64_t remaining = 1;
  REQUIRE(swiglu_cache_prune(0, &removed, &remaining) == SWIGLU_OK);
  CHECK(removed == bytes);
  CHECK(remaining == 0);
}

TEST_CASE_FIXTURE(StandIns, "a damaged entry is found by verify, and compiled anew by the next process") {
  REQUIRE(swiglu_compile(&desc, "sm_80", SWIGLU_COMPILE_FORCE, nullptr, nullptr) == SWIGLU_OK);
  Reports listed;
  REQUIRE(swiglu_cache_list(Reports::add, &listed) == SWIGLU_OK);
  REQUIRE_FALSE(listed.all.empty());
  const std::string path = listed.all[0]["path"];
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  Reports damaged;
  check_failure(swiglu_cache_verify(Reports::add, &damaged), SWIGLU_IO_ERROR, {"1 of"});
  REQUIRE(damaged.all.size() == 1);
  CHECK(damaged.all[0]["path"] == path);
  CHECK_FALSE(damaged.all[0]["problem"].get<std::string>().empty());
  REQUIRE(swiglu_cache_prune(0, nullptr, nullptr) == SWIGLU_OK);
}

}  // namespace
}  // namespace swiglu_test
