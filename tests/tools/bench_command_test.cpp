// `swiglu bench` from outside, as far as that goes without a GPU.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/scratch_directory.h"
#include "tools/bench/run_again.h"
#include "tools/bench/untuned_stores.h"
#include "tools/library.h"
#include "tools/run_program.h"

using swiglu::tool::Ran;
using swiglu::tool::run_program;

namespace {
std::int64_t lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }
}  // namespace

TEST_CASE("bench --list names the points of a suite, and needs nothing") {
  const Ran goals =
      run_program("bench goals --list", "CUDA_VISIBLE_DEVICES= SWIGLU_CUDA_LIBRARY=/nonexistent/libcuda.so");
  CHECK(goals.exit_code == 0);
  CHECK(goals.err.empty());
  CHECK(lines(goals.out) == 10);
  CHECK(goals.out.find("m8192 4096x14336\n") != std::string::npos);
  CHECK(lines(run_program("bench llm --list --filter qwen").out) == 9);
  for (const char* pass : {"backward", "forward+backward"}) {
    CHECK(run_program("bench goals --list --pass " + std::string(pass)).out ==
          "m8192 1024x3072\nm8192 2048x6144\nm8192 4096x12288\n");
    CHECK(lines(run_program("bench seed --list --pass " + std::string(pass)).out) == 31);
  }
  CHECK(run_program("bench custom --list --d-model 64 --d-intermediate 32 --m 5 6").out == "m5 64x32\nm6 64x32\n");
  CHECK(run_program("bench custom --list --preset llama-3-70b").out == "m8192 8192x28672 llama-3-70b\n");
}

TEST_CASE("a wrong bench is exit code 2, with the reason on stderr") {
  for (const char* arguments :
       {"bench", "bench everything", "bench goals --m 0", "bench goals --filter nothing", "bench seed --d-model 256",
        "bench llm --preset llama-3-8b", "bench goals --pass sideways", "bench goals --pass backward --store",
        "bench goals --rounds 0", "bench goals --seconds -1", "bench goals --device cpu", "bench goals --dtype f8",
        "bench goals --every-tile", "bench goals --tiles mma"}) {
    const Ran ran = run_program(arguments);
    CAPTURE(arguments);
    CHECK(ran.exit_code == 2);
    CHECK_FALSE(ran.err.empty());
    CHECK(ran.out.empty());
  }
}

TEST_CASE(
    "a report that cannot be written is a failure before anything is measured, and one that can leaves no trace") {
  const swiglu::test::ScratchDirectory scratch;
  for (const char* more : {"", " --every-tile --filter 'm64 4096x14336'"}) {
    const Ran refused = run_program("bench goals --json /nonexistent/goals.json" + std::string(more));
    CHECK(refused.exit_code == 1);
    CHECK(refused.err.find("could not write /nonexistent/goals.json") != std::string::npos);
    CHECK(refused.err.find("GPU") == std::string::npos);
  }
  const std::string report = (scratch.path() / "goals.json").string();
  CHECK(run_program("bench goals --json " + report, "CUDA_VISIBLE_DEVICES=").exit_code == 1);
  CHECK_FALSE(std::filesystem::exists(report));
}

TEST_CASE("a store without its records serves the same kernels, and keeps what is published") {
  const swiglu::test::ScratchDirectory scratch;
  const std::string store = (scratch.path() / "store").string();
  const std::string shadow = (scratch.path() / "shadow").string();
  const std::string stand_ins =
      "SWIGLU_CUDA_LIBRARY=" STAND_IN_CUDA_LIBRARY " SWIGLU_NVRTC_LIBRARY=" STAND_IN_NVRTC_LIBRARY
      " SWIGLU_LOG=error SWIGLU_TUNING_SECONDS=0.4 SWIGLU_CACHE_DIR=";
  const auto counted = [&](const std::string& arguments, const std::string& directory) {
    const auto json = nlohmann::json::parse(run_program(arguments, stand_ins + directory).out);
    return json.is_array() ? json.size() : json["environments"].size();
  };
  const Ran warmed = run_program("prewarm bf16_f32_64x96_nk --m 1", stand_ins + store);
  REQUIRE_MESSAGE(warmed.exit_code == 0, warmed.err);
  swiglu::tool::shadow_store(store, shadow, true);
  CHECK(counted("tuning export", store) == 1);
  CHECK(counted("tuning export", shadow) == 0);
  const std::size_t kernels = counted("cache list --json", store);
  CHECK(kernels > 0);
  CHECK(counted("cache list --json", shadow) == kernels);
  REQUIRE(run_program("compile --arch sm_80 --d-model 64 --d-intermediate 96", stand_ins + shadow).exit_code == 0);
  CHECK(counted("cache list --json", store) > kernels);
}

TEST_CASE("records of the user's store and of the search path are hidden from this process, packs left out") {
  const swiglu::test::ScratchDirectory scratch;
  std::ofstream(scratch.path() / "pack.tar") << "a pack";
  std::filesystem::create_directories(scratch.path() / "shared" / "v1" / "kernels");
  std::filesystem::create_directories(scratch.path() / "shared" / "v1" / "tuned");
  CHECK(swiglu::tool::run_again({"--test-case=child: hidden records", "--no-skip"}, "SWIGLU_TEST_STORES",
                                scratch.path().string()) == 0);
  CHECK(
      std::filesystem::exists(scratch.path() / "user" / "v1" / "kernels"));  // created, and not removed with the links
  CHECK(std::filesystem::exists(scratch.path() / "shared" / "v1" / "tuned"));
}

TEST_CASE("child: hidden records" * doctest::skip()) {
  const char* stores = std::getenv("SWIGLU_TEST_STORES");
  REQUIRE(stores != nullptr);
  const std::filesystem::path folder(stores);
  REQUIRE(setenv("SWIGLU_CACHE_PATH", ((folder / "shared").string() + ":" + (folder / "pack.tar").string()).c_str(),
                 1) == 0);
  const std::filesystem::path temporaries = folder / "temporaries";
  std::filesystem::create_directory(temporaries);
  REQUIRE(setenv("TMPDIR", temporaries.c_str(), 1) == 0);
  {
    const swiglu::tool::UntunedStores untuned((folder / "user").string());
    CHECK(untuned.left_out() == std::vector<std::string>{(folder / "pack.tar").string()});
    const std::filesystem::path shadow = swiglu::tool::text(swiglu_cache_directory);
    CHECK(std::filesystem::is_symlink(shadow / "v1" / "kernels"));
    const std::filesystem::path shared = std::getenv("SWIGLU_CACHE_PATH");
    CHECK(shared != folder / "shared");
    CHECK(std::filesystem::exists(shared / "v1" / "kernels"));
    CHECK_FALSE(std::filesystem::exists(shared / "v1" / "tuned"));
    CHECK_THROWS_AS(swiglu::tool::UntunedStores((folder / "other").string()), swiglu::tool::Failure);  // too late
  }
  CHECK(std::filesystem::is_empty(temporaries));
}

TEST_CASE("a bench without a GPU is exit code 1, and says that it needs one") {
  for (const char* arguments : {"bench goals --quick", "bench goals --quick --pass backward"}) {
    const Ran ran = run_program(arguments, "CUDA_VISIBLE_DEVICES=");
    CHECK(ran.exit_code == 1);
    CHECK(ran.out.empty());
    CHECK(ran.err.find("needs a CUDA GPU") != std::string::npos);
  }
}
