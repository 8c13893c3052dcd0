// `swiglu prewarm`, `tuning` and `cache export`: its parts, and the program over the stand-in driver and NVRTC.
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "support/scratch_directory.h"
#include "tools/library.h"
#include "tools/prewarm/devices.h"
#include "tools/prewarm/progress.h"
#include "tools/prewarm/work_list.h"
#include "tools/run_program.h"

namespace swiglu::tool {
namespace {

using test::ScratchDirectory;
namespace fs = std::filesystem;
using Parsed = nlohmann::json;

TEST_CASE("problems as the library spells them, and back") {
  for (const char* text :
       {"bf16_f32_4096x14336_nk", "f16_f32_1x1_kn", "f16_f16_7x9_kn_gu", "f16_f16_promoted_64x64_nk_gu",
        "bf16_f32_64x64_nk_backward", "bf16_f32_64x64_kn_backward_recompute"}) {
    CHECK(spell_problem(parse_problem(text)) == text);
  }
  CHECK(parse_problem("f16_f16_promoted_64x32_nk_gu").accum == SWIGLU_ACCUM_F16_PROMOTED);
  CHECK(parse_problem("f16_f16_promoted_64x32_nk_gu").passes == SWIGLU_PASS_FORWARD_STORE);
  CHECK(parse_problem("f16_f16_64x32_kn").d_intermediate == 32);
  for (const char* text :
       {"", "bf16", "bf16_f32", "bf16_f16_64x64_nk", "bf16_f32_64_nk", "bf16_f32_0x64_nk", "bf16_f32_64x64",
        "bf16_f32_64x64_kk", "bf16_f32_64x64_nk_a2", "bf16_f32_-1x64_nk", "bf16_f32_64x64_nk "}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_problem(text), Failure);
  }
}

TEST_CASE("a list of problems: token counts, comments, and the line of what is wrong") {
  std::istringstream lines(
      "# two of them\n\nbf16_f32_64x64_nk 1,8192\n  f16_f32_64x64_kn   # the usual\nbf16_f32_64x64_nk 16\n");
  const auto problems = read_problems(lines, "list", {5});
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].tokens == std::vector<std::int64_t>{1, 8192});
  CHECK(problems[1].tokens == std::vector<std::int64_t>{5});
  const auto once = merged(problems);
  REQUIRE(once.size() == 2);
  CHECK(once[0].tokens == std::vector<std::int64_t>{1, 16, 8192});
  for (const char* text : {"bf16_f32_64x64_nk 1,,2", "bf16_f32_64x64_nk 0", "bf16_f32_64x64_nk 1, 2", "nonsense",
                           "bf16_f32_64x64_nk 99999999999999999999"}) {
    std::istringstream bad(std::string("\n") + text);
    CAPTURE(text);
    try {
      read_problems(bad, "list", {5});
      FAIL("accepted");
    } catch (const Failure& failure) {
      CHECK(std::string(failure.what()).find("list, line 2: ") == 0);
    }
  }
}

TEST_CASE("devices that are alike make a group; those that cannot be used are named") {
  const auto info = Json::parse(R"({"driver": {"found": true}, "devices": [
      {"ordinal": 0, "name": "A", "multiprocessors": 132}, {"ordinal": 1, "name": "B", "multiprocessors": 132},
      {"ordinal": 2, "problem": "too old"}, {"ordinal": 3, "name": "A", "multiprocessors": 132},
      {"ordinal": 10, "name": "A", "multiprocessors": 114}]})");
  using Groups = std::vector<std::vector<int>>;
  CHECK(alike_devices(info, {"all"}) == Groups{{0, 3}, {1}, {10}});
  CHECK(alike_devices(info, {"3", "1", "3", "0"}) == Groups{{3, 0}, {1}});
  CHECK(alike_devices(info, {"1", "all"}) == Groups{{1}, {0, 3}, {10}});
  CHECK_THROWS_WITH_AS(alike_devices(info, {"2"}), "device 2 cannot be used: too old", Failure);
  CHECK_THROWS_WITH_AS(alike_devices(info, {"0", "4"}),
                       "there is no device 4; the driver has 5 (swiglu info lists them)", Failure);
  const auto none = Json::parse(R"({"driver": {"found": false, "reason": "nowhere"}, "devices": []})");
  CHECK_THROWS_WITH_AS(alike_devices(none, {"0"}), "no GPU to choose on: nowhere. --arch only compiles", Failure);
  const auto useless = Json::parse(R"({"driver": {"found": true}, "devices": [{"ordinal": 0, "problem": "too old"}]})");
  CHECK_THROWS_AS(alike_devices(useless, {"all"}), Failure);
}

TEST_CASE("the bar fills, and never exceeds the terminal") {
  CHECK(progress_bar(0, 4, 80, "x") == "[>                   ] 0/4  x");
  CHECK(progress_bar(2, 4, 80, "x") == "[==========>         ] 2/4  x");
  CHECK(progress_bar(4, 4, 80, "x") == "[====================] 4/4  x");
  CHECK(progress_bar(0, 0, 80, "x") == "[====================] 0/0  x");
  CHECK(progress_bar(1, 4, 40, std::string(100, 'x')).size() == 39);
  CHECK(progress_bar(1, 4, 0, "x") == "");
}

TEST_CASE("no bar where there is no terminal: a line a step") {
  ScratchDirectory scratch;
  const fs::path path = scratch.path() / "out";
  std::FILE* file = std::fopen(path.c_str(), "w");
  REQUIRE(file != nullptr);
  CHECK(terminal_columns(file) == 0);
  {
    Progress progress(file, 2, 0);
    progress.begin("one");
    progress.end("one");
    progress.say("odd");
    progress.end("two");
  }
  std::fclose(file);
  std::ifstream stream(path);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  CHECK(text == "1/2  one\nodd\n2/2  two\n");
}

struct Stage {
  ScratchDirectory scratch;
  std::string cache = (scratch.path() / "cache").string();
  std::string environment(const std::string& more = "") const {
    return "SWIGLU_CUDA_LIBRARY=" STAND_IN_CUDA_LIBRARY " SWIGLU_NVRTC_LIBRARY=" STAND_IN_NVRTC_LIBRARY
           " SWIGLU_LOG=error SWIGLU_TUNING_SECONDS=0.4 SWIGLU_CACHE_DIR=" +
           cache + " " + more;
  }
};

TEST_CASE_FIXTURE(Stage, "measures, stores, finds it again; the next run measures nothing") {
  const Ran first = run_program("prewarm bf16_f32_64x96_nk --m 1,100 bf16_f32_64x96_kn_gu --json", environment());
  REQUIRE_MESSAGE(first.exit_code == 0, first.err);
  const Parsed report = Parsed::parse(first.out);
  REQUIRE(report["done"].size() == 4);
  CHECK(report["done"][0]["problem"] == "bf16_f32_64x96_nk");
  CHECK(report["done"][0]["kernels"][0]["choice"] == "measured");
  CHECK(report["done"][1]["bucket"]["last"] == 128);
  CHECK(report["failed"].empty());
  CHECK(report["left"] == 0);
  CHECK(report["directory"] == cache);
  CHECK(report["kernels_missing"].empty());
  CHECK(report["kernels_found_again"].get<int>() >= 4);
  CHECK(report["problem"] == "");
  CHECK(first.err.find("4/4  bf16_f32_64x96_kn_gu m 100") != std::string::npos);
  const Ran second = run_program("prewarm bf16_f32_64x96_nk --m 1,100 bf16_f32_64x96_kn_gu", environment());
  CHECK(second.exit_code == 0);
  CHECK(second.out.find("user record") != std::string::npos);
  CHECK(second.out.find("measured,") == std::string::npos);
  CHECK(second.out.find("found again in " + cache + ", 0 missing") != std::string::npos);
  const Ran listed = run_program("tuning list", environment());
  CHECK(listed.out.find("4 records") != std::string::npos);
}

// Of the stand-in's devices 0 and 1 are alike, 2 is another and 3 too old.
TEST_CASE_FIXTURE(Stage, "cards that are alike share the work, every kind of card has all of it") {
  const Ran ran = run_program("prewarm bf16_f32_64x96_nk --m 1,100,200,300 --device all -p 2 --json", environment());
  REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
  const Parsed report = Parsed::parse(ran.out);
  std::map<std::string, int> done;
  for (const Parsed& step : report["done"]) {
    const int device = step["device"].get<int>();
    CHECK(device <= 2);
    ++done[(device == 2 ? "other m " : "alike m ") + step["m"].dump()];
  }
  CHECK(done.size() == 8);
  CHECK(report["done"].size() == 8);
  const Parsed records = Parsed::parse(run_program("tuning export", environment()).out);
  CHECK(records["environments"].size() == 2);
  const Ran missing = run_program("prewarm bf16_f32_64x96_nk --m 1 --device 0,7", environment());
  CHECK(missing.exit_code == 1);
  CHECK(missing.err.find("there is no device 7; the driver has 4") != std::string::npos);
  CHECK(run_program("prewarm bf16_f32_64x96_nk --m 1 --device some", environment()).exit_code == 2);
}

TEST_CASE_FIXTURE(Stage, "of a backward pass every kernel that multiplies is chosen by measuring") {
  const Ran ran = run_program("prewarm bf16_f32_64x96_nk_backward_recompute --m 100 --json --seconds 1", environment());
  REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
  const Parsed report = Parsed::parse(ran.out);
  std::string passes;
  for (const Parsed& kernel : report["done"][0]["kernels"]) {
    passes += kernel["pass"].get<std::string>() + "=" + kernel["choice"].get<std::string>() + " ";
  }
  CHECK(passes.find("recompute=measured ") != std::string::npos);
  CHECK(passes.find("dx=measured ") != std::string::npos);
  CHECK(passes.find("dw=measured ") != std::string::npos);
  CHECK(passes.find("dw_single=estimate ") != std::string::npos);
}

TEST_CASE_FIXTURE(Stage, "compiles for architectures without any driver, from a list on stdin") {
  std::ofstream(scratch.path() / "list") << "bf16_f32_64x96_nk\nf16_f16_64x96_kn\n";
  const std::string no_driver = environment("SWIGLU_CUDA_LIBRARY=/nowhere/libcuda.so");
  const Ran ran = run_program(
      "prewarm --file - --arch sm_80 --arch sm_90a -j 2 < " + (scratch.path() / "list").string(), no_driver);
  CHECK_MESSAGE(ran.exit_code == 0, ran.err);
  CHECK(ran.out.find("4/4  f16_f16_64x96_kn sm_90a") != std::string::npos);
  const Ran failed = run_program("prewarm bf16_f32_64x96_nk --arch sm_80 --arch sm_1", no_driver);
  CHECK(failed.exit_code == 1);
  CHECK(failed.out.find("arch is \"sm_1\"") != std::string::npos);
  CHECK(run_program("prewarm bf16_f32_64x96_nk --device 0", no_driver).exit_code == 1);  // no GPU to choose on
}

TEST_CASE_FIXTURE(Stage, "a dry run says what would be done and does nothing") {
  const Ran ran = run_program("prewarm --preset llama-3-8b --m 8,1 --dry-run", environment());
  CHECK(ran.exit_code == 0);
  CHECK(ran.out == "bf16_f32_4096x14336_nk [1,8]\n");
  CHECK_FALSE(fs::exists(cache));
}

TEST_CASE_FIXTURE(Stage, "a dry run refuses what cannot be prewarmed") {
  for (const char* options :
       {"--accum f64", "--dtype bf16 --accum f16", "bf16_f32_64x64_nk bf16_f32_4294967296x64_nk"}) {
    CAPTURE(options);
    const Ran ran = run_program("prewarm --dry-run " + std::string(options), environment());
    CHECK(ran.exit_code == 1);
    CHECK(ran.out.empty());
    CHECK_FALSE(ran.err.empty());
  }
}

TEST_CASE_FIXTURE(Stage, "options of the problem beside a problem that is spelt out are a wrong command line") {
  std::ofstream(scratch.path() / "list") << "bf16_f32_64x96_nk\n";
  const std::string file = "--file " + (scratch.path() / "list").string();
  for (const std::string& problem : {std::string("bf16_f32_64x96_nk"), file}) {
    for (const char* option : {"--preset llama-3-8b", "--d-model 8", "--d-intermediate 8", "--dtype bf16",
                               "--accum f32", "--layout nk", "--store"}) {
      const Ran ran = run_program("prewarm --dry-run " + problem + " " + option, environment());
      CAPTURE(option);
      CHECK(ran.exit_code == 2);
      CHECK(ran.out.empty());
      CHECK(ran.err.find(std::string(option).substr(0, 5)) != std::string::npos);
    }
    CHECK(run_program("prewarm --dry-run " + problem, environment()).out.find("bf16_f32_64x96_nk [1,16,") == 0);
  }
}

TEST_CASE_FIXTURE(Stage, "time that is up leaves the rest") {
  const Ran ran = run_program("prewarm bf16_f32_64x96_nk --m 1,2,4,8,16,32,64,100,200,300 --time-limit 0.000001 --json",
                              environment());
  CHECK(ran.exit_code == 0);
  CHECK(Parsed::parse(ran.out)["left"] >= 9);
}

TEST_CASE_FIXTURE(Stage, "SIGINT ends it after the step under way, and the work before it is kept") {
  // Sends it when standard error has told of the first step: by the clock, it could come before the program minds it.
  const std::string interrupted =
      "sh -c '\"$@\" & while kill -0 $! && ! grep -q ^1/ /dev/stderr; do sleep 0.01; done; kill -INT $!; wait $!' sh";
  const Ran ran = run_program("prewarm bf16_f32_64x96_nk --m 1,2,4,8,16,32,64,100,200,300 --json",
                              environment("timeout 60 " + interrupted));
  REQUIRE_MESSAGE(ran.exit_code == 130, ran.err);
  const Parsed report = Parsed::parse(ran.out);
  CHECK(report["left"].get<int>() > 0);
  CHECK(report["kernels_missing"].empty());
  const Ran listed = run_program("tuning export", environment());
  std::size_t records = 0;
  const Parsed document = Parsed::parse(listed.out);
  for (const auto& group : document["environments"]) {
    records += group["records"].size();
  }
  CHECK(records == report["done"].size());
}

TEST_CASE_FIXTURE(Stage, "no directory to store in is a failure at once, not after the work") {
  const Ran ran = run_program("prewarm bf16_f32_64x96_nk --m 1", environment("SWIGLU_DISABLE_CACHE=1"));
  CHECK(ran.exit_code == 1);
  CHECK(ran.err.find("SWIGLU_DISABLE_CACHE") != std::string::npos);
}

TEST_CASE_FIXTURE(Stage, "records and packs through files; what is not sound or not of this machine is exit code 1") {
  REQUIRE(run_program("prewarm bf16_f32_64x96_nk --m 1", environment()).exit_code == 0);
  const std::string file = (scratch.path() / "records.json").string();
  const std::string pack = (scratch.path() / "pack.tar").string();
  REQUIRE(run_program("tuning export " + file, environment()).exit_code == 0);
  REQUIRE(run_program("cache export " + pack, environment()).exit_code == 0);
  const Stage other;
  const Ran imported = run_program("tuning import --json " + file, other.environment());
  CHECK_MESSAGE(imported.exit_code == 0, imported.err);
  CHECK(Parsed::parse(imported.out)["added"] == 1);
  const Ran known = run_program("cache import " + pack, other.environment());
  CHECK_MESSAGE(known.exit_code == 0, known.err);
  CHECK(known.out.find("1 records were known") != std::string::npos);
  std::ofstream(scratch.path() / "bad") << "[";
  CHECK(run_program("tuning import < " + (scratch.path() / "bad").string(), other.environment()).exit_code == 1);
  const Ran foreign = run_program("tuning import " + file, Stage().environment("STAND_IN_DEVICES=80:108:166912"));
  CHECK(foreign.exit_code == 1);
  CHECK(foreign.err.find("SWIGLU_WRONG_ENVIRONMENT") != std::string::npos);
  CHECK(
      run_program("tuning import --foreign " + file, Stage().environment("STAND_IN_DEVICES=80:108:166912")).exit_code ==
      0);
  CHECK(run_program("cache import " + file, other.environment()).exit_code == 1);
}

TEST_CASE_FIXTURE(Stage,
                  "of a file of several machines' records each takes its own, and says that others were skipped") {
  REQUIRE(run_program("prewarm bf16_f32_64x96_nk --m 1 --device all", environment()).exit_code == 0);
  const std::string file = (scratch.path() / "records.json").string();
  REQUIRE(run_program("tuning export " + file, environment()).exit_code == 0);
  const Stage other;
  const Ran ran = run_program("tuning import " + file, other.environment("STAND_IN_DEVICES=80:108:166912"));
  CHECK_MESSAGE(ran.exit_code == 0, ran.err);
  CHECK(ran.out ==
        "1 records added, 0 were known\n1 of other GPUs, kernel versions or NVRTCs skipped; --foreign takes them\n");
}

}  // namespace
}  // namespace swiglu::tool
