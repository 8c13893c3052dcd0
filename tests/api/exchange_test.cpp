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
  // Of another problem than `desc`, and never measured.
  swiglu_plan_desc compiled_ahead() const {
    swiglu_plan_desc other = desc;
    other.d_model = 80;
    return other;
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
  const swiglu_plan_desc ahead = compiled_ahead();
  REQUIRE(swiglu_compile(&ahead, "sm_90a", 0, nullptr, nullptr) == SWIGLU_OK);
  std::ofstream(file + ".json") << text_of(swiglu_tuning_export);
  Report report;
  REQUIRE_MESSAGE(swiglu_cache_export((file + ".tar").c_str(), nullptr, Report::keep, &report) == SWIGLU_OK,
                  last_error());
  CHECK(report.json["records"] == 2);
  CHECK(report.json["kernels"].get<int>() > 10);
  const int kernels = report.json["kernels"];
  const std::string other = file + ".other.tar";
  for (const char* arch : {"sm_90a", "sm_90"}) {
    REQUIRE(swiglu_cache_export(other.c_str(), arch, Report::keep, &report) == SWIGLU_OK);
    CHECK(report.json["kernels"] == kernels);
    fs::remove(other);
  }
  check_failure(swiglu_cache_export(other.c_str(), "sm_80", nullptr, nullptr), SWIGLU_NOT_CACHED, {"sm_80"});
  check_failure(swiglu_cache_export(other.c_str(), "nope", nullptr, nullptr), SWIGLU_INVALID_ARGUMENT,
                {"\"nope\"", "sm_90a"});
  CHECK_FALSE(fs::exists(other));
}

TEST_CASE_FIXTURE(Child, "child: has what the other measured from a pack without NVRTC" * doctest::skip()) {
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

TEST_CASE_FIXTURE(Child, "child: looks for kernels in a pack without NVRTC" * doctest::skip()) {
  swiglu_plan_desc ahead = compiled_ahead();
  ahead.tuning = SWIGLU_TUNING_CACHED_ONLY;
  const auto compile = [&](const char* arch, std::uint32_t flags = 0) {
    return swiglu_compile(&ahead, arch, flags, nullptr, nullptr);
  };
  CHECK_MESSAGE(compile("sm_90a") == SWIGLU_OK, last_error());
  check_failure(compile("sm_80"), SWIGLU_NOT_CACHED, {"sm_80", "no store"});
  check_failure(compile("sm_90a", SWIGLU_COMPILE_FORCE), SWIGLU_NO_COMPILER, {"NVRTC"});
  ahead.tuning = SWIGLU_TUNING_ESTIMATE;
  check_failure(compile("sm_90a"), SWIGLU_NO_COMPILER, {"NVRTC"});
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
  // What a store also holds whose machine has had another NVRTC, or that other cards share.
  const std::string mixed = [&] {
    Json both = Json::parse(text);
    Json environments = Json::parse(other)["environments"];
    environments.push_back(both["environments"][0]);
    environments.back()["environment"]["compiler"] = "another";
    environments.push_back(both["environments"][0]);
    both["environments"] = environments;
    return both.dump();
  }();
  std::string bad = mixed;
  bad.replace(bad.find("\"candidates\":"), 13, "\"candidatez\":");
  check_failure(import(bad), SWIGLU_INVALID_ARGUMENT, {"Nothing was imported"});
  check_failure(import(text.substr(0, text.size() / 2)), SWIGLU_INVALID_ARGUMENT, {"no JSON", "Nothing was imported"});
  check_failure(import(""), SWIGLU_INVALID_ARGUMENT, {});
  check_failure(import(std::string(1 << 20, '[')), SWIGLU_INVALID_ARGUMENT, {"nested"});
  check_failure(import(text, 2), SWIGLU_INVALID_ARGUMENT, {"flags is 0x2"});
  check_failure(swiglu_tuning_import(nullptr, 0, 0, nullptr, nullptr), SWIGLU_INVALID_ARGUMENT, {"text is NULL"});
  CHECK(text_of(swiglu_tuning_export).find("config") == std::string::npos);
  Report report;
  REQUIRE_MESSAGE(import(mixed, 0, &report) == SWIGLU_OK, last_error());
  CHECK(report.json["added"] == 2);
  CHECK(report.json["skipped"] == 4);
  CHECK(kernel(200)["tile"] == kTile);
  CHECK(kernel(200)["choice"] == "user record");
  CHECK(stand_in_calls("cuEventRecord") == 0);
  REQUIRE(import(text, 0, &report) == SWIGLU_OK);
  CHECK(report.json["added"] == 0);
  CHECK(report.json["known"] == 2);
  CHECK(report.json["skipped"] == 0);
  CHECK(text_of(swiglu_tuning_export) == text);
  REQUIRE(import(mixed, SWIGLU_TUNING_IMPORT_FOREIGN, &report) == SWIGLU_OK);
  CHECK(report.json["added"] == 4);
  CHECK(report.json["known"] == 2);
  CHECK(report.json["skipped"] == 0);
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

struct ImportingChild : Child {
  fs::path cache = from_environment("SWIGLU_TEST_CACHE");
  Report report;

  std::size_t kernels_on_disk() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(cache)) {
      count += entry.path().extension() == ".swk" ? 1 : 0;
    }
    return count;
  }
  void check_import_fails(std::initializer_list<const char*> parts) {
    check_failure(swiglu_cache_import((file + ".tar").c_str(), Report::keep, &report), SWIGLU_IO_ERROR, parts);
  }
  void check_nothing_was_imported() const {
    CHECK(report.json.is_null());
    CHECK((!fs::exists(cache) || kernels_on_disk() == 0));
    CHECK(text_of(swiglu_tuning_export).find("config") == std::string::npos);
  }
};

TEST_CASE_FIXTURE(ImportingChild, "child: refuses the pack for which there is no room" * doctest::skip()) {
  check_import_fails({"SWIGLU_CACHE_MAX_BYTES", "SWIGLU_CACHE_PATH", "Nothing was imported"});
  check_nothing_was_imported();
}

TEST_CASE_FIXTURE(ImportingChild, "child: imports what kernels used later leave room for" * doctest::skip()) {
  desc.d_model = 96;
  desc.tuning = SWIGLU_TUNING_ESTIMATE;
  REQUIRE(swiglu_compile(&desc, "sm_80", 0, nullptr, nullptr) == SWIGLU_OK);
  const std::size_t before = kernels_on_disk();
  REQUIRE(std::system(("find " + cache.string() + " -name '*.swk' -exec touch -a -d 2100-01-01 {} +").c_str()) == 0);
  check_import_fails({"SWIGLU_CACHE_MAX_BYTES", cache.c_str()});
  CHECK(report.json["records"] == 2);
  CHECK(report.json["kernels"] == kernels_on_disk() - before);
}

TEST_CASE_FIXTURE(ImportingChild, "child: imports nothing where records cannot be written" * doctest::skip()) {
  fs::create_directories(cache / "v1");
  std::ofstream(cache / "v1" / "tuned") << "in the way";
  check_import_fails({"tuned"});
  check_nothing_was_imported();
}

TEST_CASE_FIXTURE(ImportingChild, "child: keeps what it could import" * doctest::skip()) {
  const fs::path shards = fs::path("v1") / "kernels";
  const auto some = fs::directory_iterator(fs::path(from_environment("SWIGLU_TEST_SOURCE")) / shards);
  fs::create_directories(cache / shards);
  std::ofstream(cache / shards / some->path().filename()) << "in the way";
  check_import_fails({"could not be written", cache.c_str()});
  CHECK(report.json["records"] == 2);
  CHECK(report.json["kernels"] == kernels_on_disk());
  CHECK(text_of(swiglu_tuning_export).find("config") != std::string::npos);
}

TEST_CASE("of a pack that does not fit or cannot be written, what is said to be there is there") {
  Machine first;
  first.run("child: measures and exports");
  const std::string source = first.environment["SWIGLU_TEST_CACHE"];
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(source)) {
    bytes += entry.path().extension() == ".swk" ? entry.file_size() : 0;
  }
  const auto run = [&](const std::string& test, std::uintmax_t limit) {
    Machine machine;
    machine.environment["SWIGLU_TEST_FILE"] = first.environment["SWIGLU_TEST_FILE"];
    machine.environment["SWIGLU_TEST_SOURCE"] = source;
    machine.environment["SWIGLU_CACHE_MAX_BYTES"] = std::to_string(limit);
    machine.run(test);
  };
  run("child: refuses the pack for which there is no room", bytes - 1);
  run("child: imports what kernels used later leave room for", bytes);
  run("child: imports nothing where records cannot be written", bytes);
  run("child: keeps what it could import", bytes);
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
  fourth.run("child: has what the other measured from a pack without NVRTC");
  fourth.run("child: looks for kernels in a pack without NVRTC");
  CHECK_FALSE(fs::exists(fourth.scratch.path() / "cache"));
}

// Each of these in a process of its own: once NVRTC is loaded, nobody has to guess which one it is.

TEST_CASE_FIXTURE(Child, "child: MEASURE finds what was measured here" * doctest::skip()) {
  CHECK(kernel(200)["choice"] == "user record");
  CHECK(kernel(16)["choice"] == "user record");
  CHECK(stand_in_calls("cuEventRecord") == 0);
  CHECK(stand_in_nvrtc_compiles() == 0);
}

TEST_CASE_FIXTURE(Child, "child: CACHED_ONLY finds what was compiled here" * doctest::skip()) {
  desc.tuning = SWIGLU_TUNING_CACHED_ONLY;
  CHECK(kernel(200)["tile"] == kTile);
  CHECK(kernel(200)["origin"] == "user");
}

TEST_CASE_FIXTURE(Child, "child: imports what was exported here" * doctest::skip()) {
  const std::string text = read_text(file + ".json");
  Report report;
  REQUIRE_MESSAGE(swiglu_tuning_import(text.data(), text.size(), 0, Report::keep, &report) == SWIGLU_OK, last_error());
  CHECK(report.json["known"] == 2);
}

TEST_CASE_FIXTURE(Child, "child: imports records of a tile that is tried no more" * doctest::skip()) {
  std::string text = read_text(file + ".json");
  const std::string tile = kTile;
  for (std::size_t at = text.find(tile); at != std::string::npos; at = text.find(tile)) {
    text.replace(at, tile.size(), "128x64x64_s5_w8x1_g16");
  }
  Report report;
  REQUIRE_MESSAGE(swiglu_tuning_import(text.data(), text.size(), 0, Report::keep, &report) == SWIGLU_OK, last_error());
  CHECK(report.json["added"] == 2);
  for (const swiglu_tuning mode : {SWIGLU_TUNING_ESTIMATE, SWIGLU_TUNING_MEASURE}) {
    desc.tuning = mode;
    CHECK(kernel(200)["choice"] == "shared record");
    CHECK(kernel(200)["tile"] == kTile);
  }
  CHECK(stand_in_calls("cuEventRecord") == 0);
}

TEST_CASE("the user's record of a configuration that is no candidate hides no sound record of a read-only store") {
  Machine first;
  first.run("child: measures and exports");
  Machine second;
  second.environment["SWIGLU_TEST_FILE"] = first.environment["SWIGLU_TEST_FILE"];
  second.environment["SWIGLU_TEST_CACHE_PATH"] = first.environment["SWIGLU_TEST_CACHE"];
  second.run("child: imports records of a tile that is tried no more");
}

// A library of this machine, but no NVRTC that will do; the loader finds it before the one that does.
struct MachineWithUnusableNvrtc : Machine {
  MachineWithUnusableNvrtc() {
    fs::create_directories(unusable.parent_path());
    fs::create_directories(usable.parent_path());
    fs::create_symlink(STAND_IN_CUDA_LIBRARY, unusable);
    fs::create_symlink(STAND_IN_NVRTC_LIBRARY, usable);
    environment["SWIGLU_TEST_NVRTC"] = kName;
    environment["LD_LIBRARY_PATH"] = unusable.parent_path().string() + ":" + usable.parent_path().string() + ":" +
                                     from_environment("LD_LIBRARY_PATH");
  }
  static constexpr const char* kName = "libnvrtc_of_exchange_test.so";
  const fs::path unusable = scratch.path() / "unusable" / kName;
  const fs::path usable = scratch.path() / "usable" / kName;
};

TEST_CASE("an NVRTC that is found first and will not do hides nothing that the one in use has stored") {
  MachineWithUnusableNvrtc machine;
  machine.run("child: measures and exports");
  SUBCASE("records") { machine.run("child: MEASURE finds what was measured here"); }
  SUBCASE("kernels") { machine.run("child: CACHED_ONLY finds what was compiled here"); }
  SUBCASE("its own export") { machine.run("child: imports what was exported here"); }
}

TEST_CASE_FIXTURE(Child, "child: finds all without loading NVRTC" * doctest::skip()) {
  for (const swiglu_tuning mode : {SWIGLU_TUNING_MEASURE, SWIGLU_TUNING_ESTIMATE, SWIGLU_TUNING_CACHED_ONLY}) {
    desc.tuning = mode;
    CHECK(kernel(200)["tile"] == kTile);
    CHECK(kernel(200)["origin"] == "user");
  }
  CHECK(read_text("/proc/self/maps").find(from_environment("SWIGLU_TEST_NVRTC")) == std::string::npos);
}

TEST_CASE("where all is stored NVRTC is not loaded: that would take longer than all else") {
  Machine machine;
  const fs::path own =
      fs::weakly_canonical(machine.scratch.path()) / "libnvrtc.so";  // this test is linked to the other
  fs::copy_file(STAND_IN_NVRTC_LIBRARY, own);
  machine.environment["SWIGLU_TEST_NVRTC"] = own.string();
  machine.run("child: measures and exports");
  machine.run("child: finds all without loading NVRTC");
}

TEST_CASE("where no NVRTC will do a pack serves as where there is none") {
  Machine first;
  first.run("child: measures and exports");
  MachineWithUnusableNvrtc second;
  second.environment["SWIGLU_TEST_NVRTC"] = second.unusable.string();
  second.environment["SWIGLU_TEST_CACHE_PATH"] = first.environment["SWIGLU_TEST_FILE"] + ".tar";
  second.run("child: has what the other measured from a pack without NVRTC");
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
