// `swiglu bench` from outside, as far as that goes without a GPU.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/scratch_directory.h"
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

TEST_CASE("a bench without a GPU is exit code 1, and says that it needs one") {
  for (const char* arguments : {"bench goals --quick", "bench goals --quick --pass backward"}) {
    const Ran ran = run_program(arguments, "CUDA_VISIBLE_DEVICES=");
    CHECK(ran.exit_code == 1);
    CHECK(ran.out.empty());
    CHECK(ran.err.find("needs a CUDA GPU") != std::string::npos);
  }
  const std::string library = "/nonexistent/libcuda.so";
  CHECK(run_program("bench goals", "CUDA_VISIBLE_DEVICES= SWIGLU_CUDA_LIBRARY=" + library).err.find(library) !=
        std::string::npos);
}
