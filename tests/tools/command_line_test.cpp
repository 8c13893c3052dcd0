// The program from outside: exit codes, where output goes, and that its JSON is JSON. On the CPU device alone.
#include <swiglu/swiglu.h>

#include <initializer_list>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "tools/run_program.h"

using Json = nlohmann::json;
using swiglu::tool::Ran;
using swiglu::tool::run_program;

TEST_CASE("help and version succeed, on stdout") {
  for (const char* arguments : {"--help", "run --help", "bench --help", "compile --help", "info --help", "cache --help",
                                "prewarm --help", "tuning --help"}) {
    const Ran ran = run_program(arguments);
    CHECK(ran.exit_code == 0);
    CHECK(ran.out.find("Usage:") != std::string::npos);
    CHECK(ran.err.empty());
  }
  CHECK(run_program("--version").out == "swiglu " + std::to_string(SWIGLU_VERSION_MAJOR) + "." +
                                            std::to_string(SWIGLU_VERSION_MINOR) + "." +
                                            std::to_string(SWIGLU_VERSION_PATCH) + "\n");
}

TEST_CASE("a wrong command line is exit code 2, with the reason on stderr") {
  for (const char* arguments : {"",
                                "frobnicate",
                                "run --dtype f8",
                                "run --m 0",
                                "run --m -3",
                                "run --device gpu",
                                "run --preset gpt-9",
                                "run --d-model 2147483648",
                                "run --repeat 0",
                                "compile",
                                "compile --arch",
                                "cache",
                                "cache prune",
                                "cache prune --max-bytes many",
                                "cache prune --max-bytes -5",
                                "cache export",
                                "tuning",
                                "prewarm --m 0",
                                "prewarm --seconds -1",
                                "info extra"}) {
    const Ran ran = run_program(arguments);
    CAPTURE(arguments);
    CHECK(ran.exit_code == 2);
    CHECK_FALSE(ran.err.empty());
    CHECK(ran.out.empty());
  }
}

TEST_CASE("a misspelt command is named") {
  for (const char* arguments : {"frobnicate", "cache frobnicate", "tuning frobnicate --json", "compile frobnicate"}) {
    CAPTURE(arguments);
    CHECK(run_program(arguments).err.find("frobnicate") != std::string::npos);
  }
  CHECK(run_program("cache").err.find("A subcommand is required") != std::string::npos);
}

TEST_CASE("output that is lost is exit code 1, and the reason on stderr") {
  for (const char* arguments : {"tuning export", "cache list --json", "cache where", "info", "--help", "--version",
                                "run --device cpu --m 3 --d-model 8 --d-intermediate 8 --json"}) {
    CAPTURE(arguments);
    for (const std::string redirection : {">/dev/full", ">&-"}) {
      const Ran ran = run_program(arguments, "sh -c '\"$@\" " + redirection + "' sh");
      CHECK(ran.exit_code == 1);
      CHECK(ran.err.find("standard output is incomplete: ") != std::string::npos);
    }
  }
  CHECK(run_program("cache where", "sh -c '\"$@\" 2>&-' sh").exit_code == 0);
}

TEST_CASE("run checks a small problem on the CPU device") {
  for (const char* kind : {"--dtype bf16", "--dtype f16 --layout kn", "--dtype f16 --accum f16", "--accum f64 --store",
                           "--dtype f16 --accum f16_promoted --store --layout kn"}) {
    const Ran ran =
        run_program("run --device cpu --m 70 --d-model 100 --d-intermediate 130 --json " + std::string(kind));
    CAPTURE(kind);
    CAPTURE(ran.err);
    REQUIRE(ran.exit_code == 0);
    const Json report = Json::parse(ran.out);
    CHECK(report["passed"] == true);
    CHECK(report["repeatable"] == true);
    CHECK(report["m"] == 70);
    CHECK(report["rows_checked"] == 70);
    CHECK(report["outputs"].size() == (std::string(kind).find("store") == std::string::npos ? 1 : 3));
    const double error = report["outputs"]["out"]["error"];
    CHECK(error > 0);
    CHECK(error <= report["limit"]);
    CHECK(error < report["unfused_error"]);
    CHECK(report["tflops"] > 0);
  }
}

TEST_CASE("a sample of rows says so") {
  const Ran ran = run_program("run --device cpu --m 200 --d-model 16 --d-intermediate 64 --check-rows 40");
  REQUIRE(ran.exit_code == 0);
  CHECK(ran.out.find("40 of 200 rows") != std::string::npos);
}

TEST_CASE("what the library refuses is exit code 1, with its words on stderr") {
  const Ran ran = run_program("run --device cpu --dtype bf16 --accum f16 --d-model 8 --d-intermediate 8");
  CHECK(ran.exit_code == 1);
  CHECK(ran.out.empty());
  CHECK(ran.err.find("SWIGLU_") != std::string::npos);
  CHECK(run_program("run --device 4711 --d-model 8 --d-intermediate 8").exit_code == 1);
  CHECK(run_program("compile --arch sm_1 --d-model 8 --d-intermediate 8").exit_code == 1);
}

TEST_CASE("operands that do not fit are named, with their size") {
  const Ran ran = run_program("run --device cpu --m 1 --d-model 65536 --d-intermediate 2147483647");
  CHECK(ran.exit_code == 1);
  CHECK(ran.err.find("w_gate [2147483647, 65536] takes 140737488289792 elements of 2 bytes") != std::string::npos);
}

TEST_CASE("without a driver run says which one was looked for") {
  const std::string library = "/nonexistent/libcuda.so";
  const Ran ran =
      run_program("run --m 3 --d-model 8 --d-intermediate 8", "CUDA_VISIBLE_DEVICES= SWIGLU_CUDA_LIBRARY=" + library);
  CHECK(ran.exit_code == 0);
  CHECK(ran.out.find(library) != std::string::npos);
}

TEST_CASE("info is JSON and text, whatever is missing") {
  const std::string nothing =
      "SWIGLU_NVRTC_LIBRARY=/nonexistent/libnvrtc.so SWIGLU_CUDA_LIBRARY=/nonexistent/libcuda.so";
  const Ran json = run_program("info --json", nothing);
  REQUIRE(json.exit_code == 0);
  CHECK(Json::parse(json.out).is_object());
  CHECK(json.out.find("/nonexistent/") != std::string::npos);  // what was looked for and where
  CHECK(run_program("info").exit_code == 0);
}

TEST_CASE("a bad value in the environment is a warning, whatever is run") {
  const std::string bad = "SWIGLU_TUNING_SECONDS=soon SWIGLU_CPU_THREADS=x";
  for (const char* arguments : {"cache where", "cache list", "tuning export", "info", "prewarm --dry-run",
                                "run --device cpu --m 3 --d-model 8 --d-intermediate 8"}) {
    CAPTURE(arguments);
    const Ran ran = run_program(arguments, bad);
    CHECK(ran.exit_code == 0);
    const std::string warning = "swiglu: warning: SWIGLU_CPU_THREADS='x' is ignored";
    CHECK(ran.err.find(warning) != std::string::npos);
    CHECK(ran.err.find(warning) == ran.err.rfind(warning));
    CHECK(ran.err.find("SWIGLU_TUNING_SECONDS='soon' is ignored") != std::string::npos);
    CHECK(run_program(arguments, bad + " SWIGLU_LOG=error").err.empty());
  }
}

TEST_CASE("cache: where, list, verify, prune and clear of an empty store") {
  const Ran where = run_program("cache where");
  CHECK(where.exit_code == 0);
  CHECK(where.out.find("swiglu_test_") != std::string::npos);
  CHECK(Json::parse(run_program("cache list --json").out) == Json::array());
  CHECK(Json::parse(run_program("cache verify --json").out) == Json::array());
  CHECK(run_program("cache prune --max-bytes 10MB").exit_code == 0);
  CHECK(Json::parse(run_program("cache clear --json").out)["remaining_bytes"] == 0);
}
