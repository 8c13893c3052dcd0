// Tuning records and whole stores from process to process and machine to machine.
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "api/device_environment.h"
#include "api/machine.h"

namespace swiglu_test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTileSource = ".m = 128, .n = 64, .k = 64, .stages = 6, .warps_m = 8, .warps_n = 1";
constexpr const char* kTile = "128x64x64_s6_w8x1_g16";

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// What the children do.

struct Child {
  Child() {
    stand_in_set_duration("", 1000);
    stand_in_set_duration(kTileSource, 150);
    desc.tuning = SWIGLU_TUNING_MEASURE;
    desc.tuning_seconds = kAmple;
  }
  Json kernel(std::int64_t m) const { return describe(make_plan(desc).get(), m)["kernels"][0]; }
  swiglu_plan_desc desc = description(0);
  std::string file = from_environment("SWIGLU_TEST_FILE");
};

std::string read_text(const std::string& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

struct Report {
  Json json;
  static void keep(void* self, const char* text) { static_cast<Report*>(self)->json = Json::parse(text); }
};

TEST_CASE_FIXTURE(Child, "child: measures and exports" * doctest::skip()) {
  CHECK(kernel(200)["tile"] == kTile);
  CHECK(kernel(16)["choice"] == "measured");
  std::ofstream(file + ".json") << text_of(swiglu_tuning_export);
  Report report;
  REQUIRE_MESSAGE(swiglu_cache_export((file + ".tar").c_str(), nullptr, Report::keep, &report) == SWIGLU_OK,
                  last_error());
  CHECK(report.json["records"] == 2);
  CHECK(report.json["kernels"].get<int>() > 10);
  REQUIRE(swiglu_cache_export((file + ".sm_80.tar").c_str(), "sm_80", Report::keep, &report) == SWIGLU_OK);
  CHECK(report.json["kernels"] == 0);
}

TEST_CASE_FIXTURE(Child, "child: has what the other measured, from a pack, without NVRTC" * doctest::skip()) {
  desc.tuning = SWIGLU_TUNING_ESTIMATE;
  const Json chosen = kernel(200);
  CHECK(chosen["tile"] == kTile);
  CHECK(chosen["choice"] == "shared record");
  CHECK(chosen["origin"] == "shared");
  CHECK(chosen["microseconds"].get<double>() == doctest::Approx(150));
  desc.tuning = SWIGLU_TUNING_MEASURE;  // nothing is measured, as it is known
  CHECK(kernel(16)["choice"] == "shared record");
  CHECK(stand_in_calls("cuEventRecord") == 0);
  desc.tuning = SWIGLU_TUNING_CACHED_ONLY;
  CHECK(kernel(200)["tile"] == kTile);
  // What is in no store: in the mode that would compile, any kernel of the problem will do; another problem has none.
  desc.tuning = SWIGLU_TUNING_ESTIMATE;
  CHECK(kernel(5000)["origin"] == "shared");
  desc.d_model = 72;
  check_failure(swiglu_plan_prepare(make_plan(desc).get(), 200), SWIGLU_NO_COMPILER, {"NVRTC"});
  desc.tuning = SWIGLU_TUNING_CACHED_ONLY;
  check_failure(swiglu_plan_prepare(make_plan(desc).get(), 200), SWIGLU_NOT_CACHED, {"no NVRTC here"});
}

TEST_CASE_FIXTURE(Child, "child: imports" * doctest::skip()) {
  const std::string text = read_text(file + ".json");
  // Anything wrong with it, and nothing changes.
  const std::string sound_gpu = "Stand-in GPU 90";
  std::string other = text;
  other.replace(other.find(sound_gpu), sound_gpu.size(), "NVIDIA Another");
  const auto import = [](const std::string& from, std::uint32_t flags = 0, Report* report = nullptr) {
    return swiglu_tuning_import(from.data(), from.size(), flags, report == nullptr ? nullptr : Report::keep, report);
  };
  check_failure(import(other), SWIGLU_WRONG_ENVIRONMENT, {"NVIDIA Another", sound_gpu.c_str(), "Nothing was imported"});
  check_failure(import(text.substr(0, text.size() / 2)), SWIGLU_INVALID_ARGUMENT, {"no JSON", "Nothing was imported"});
  check_failure(import(""), SWIGLU_INVALID_ARGUMENT, {});
  check_failure(import(std::string(1 << 20, '[')), SWIGLU_INVALID_ARGUMENT, {"nested"});
  check_failure(import(text, 2), SWIGLU_INVALID_ARGUMENT, {"flags is 0x2"});
  check_failure(swiglu_tuning_import(nullptr, 0, 0, nullptr, nullptr), SWIGLU_INVALID_ARGUMENT, {"text is NULL"});
  CHECK(text_of(swiglu_tuning_export).find("config") == std::string::npos);
  Report report;
  REQUIRE_MESSAGE(import(text, 0, &report) == SWIGLU_OK, last_error());
  CHECK(report.json["added"] == 2);
  CHECK(kernel(200)["tile"] == kTile);
  CHECK(kernel(200)["choice"] == "user record");
  CHECK(stand_in_calls("cuEventRecord") == 0);
  REQUIRE(import(text, 0, &report) == SWIGLU_OK);
  CHECK(report.json["added"] == 0);
  CHECK(report.json["known"] == 2);
  CHECK(text_of(swiglu_tuning_export) == text);
  REQUIRE(import(other, SWIGLU_TUNING_IMPORT_FOREIGN, &report) == SWIGLU_OK);
  CHECK(report.json["added"] == 2);
}

TEST_CASE_FIXTURE(Child, "child: imports the pack" * doctest::skip()) {
  Report report;
  check_failure(swiglu_cache_import((file + ".json").c_str(), nullptr, nullptr), SWIGLU_INVALID_ARGUMENT,
                {"no tar archive"});
  check_failure(swiglu_cache_import((file + ".none").c_str(), nullptr, nullptr), SWIGLU_INVALID_ARGUMENT,
                {"No such file"});
  REQUIRE_MESSAGE(swiglu_cache_import((file + ".tar").c_str(), Report::keep, &report) == SWIGLU_OK, last_error());
  CHECK(report.json["records"] == 2);
  CHECK(report.json["kernels"].get<int>() > 10);
  CHECK(kernel(200)["choice"] == "user record");
  CHECK(kernel(200)["origin"] == "user");
  CHECK(stand_in_nvrtc_compiles() == 0);
  CHECK(swiglu_cache_verify(nullptr, nullptr) == SWIGLU_OK);
}

TEST_CASE(
    "records and kernels travel: as text, as a pack to import, and as a pack in SWIGLU_CACHE_PATH without NVRTC") {
  Machine first;
  first.run("child: measures and exports");
  const std::string file = first.environment["SWIGLU_TEST_FILE"];
  Machine second;
  second.environment["SWIGLU_TEST_FILE"] = file;
  second.run("child: imports");
  Machine third;
  third.environment["SWIGLU_TEST_FILE"] = file;
  third.run("child: imports the pack");
  Machine fourth;
  fourth.environment["SWIGLU_TEST_NVRTC"] = "/nowhere/libnvrtc.so";
  fourth.environment["SWIGLU_TEST_CACHE_PATH"] = file + ".tar";
  fourth.run("child: has what the other measured, from a pack, without NVRTC");
  CHECK_FALSE(fs::exists(fourth.scratch.path() / "cache"));
}

TEST_CASE_FIXTURE(Child, "child: starts cold" * doctest::skip()) {
  CHECK(kernel(200)["tile"] == kTile);
  CHECK(kernel(200)["choice"] != "estimate");
  CHECK(kernel(16)["tile"] == kTile);
}

TEST_CASE("processes that start cold on one directory all succeed, and leave sound records") {
  Machine machine;
  std::vector<pid_t> children;
  constexpr int kProcesses = 6;
  const auto output = [&](int i) { return machine.scratch.path() / ("output" + std::to_string(i)); };
  for (int i = 0; i < kProcesses; ++i) {
    children.push_back(start("child: starts cold", machine.environment, output(i)));
  }
  for (int i = 0; i < kProcesses; ++i) {
    await(children[static_cast<std::size_t>(i)], output(i));
  }
  int records = 0;
  for (const auto& entry : fs::recursive_directory_iterator(machine.scratch.path() / "cache" / "v1" / "tuned")) {
    records += entry.path().extension() == ".json" && entry.path().filename() != "environment.json" ? 1 : 0;
  }
  CHECK(records == 2);
  CHECK(fs::is_empty(machine.scratch.path() / "cache" / "v1" / "tmp"));
  machine.run("child: starts cold");
}

}  // namespace
}  // namespace swiglu_test
