// The real NVRTC, where there is one; a plain line says where there is none.
#include <doctest/doctest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "jit/compiler.h"
#include "jit/nvrtc_search.h"
#include "support/scratch_directory.h"

namespace swiglu {
namespace {

// Of the machine, whatever the environment of this test says; null where there is none.
const Compiler* real_compiler() {
  static const Compiler* const compiler = []() -> const Compiler* {
    Settings settings{};
    settings.cuda_home = "/usr/local/cuda";
    try {
      return new Compiler(settings);
    } catch (const Error& error) {
      MESSAGE("skipped: ", error.what());
      return nullptr;
    }
  }();
  return compiler;
}

#define NEEDS_NVRTC(name)                       \
  const Compiler* const name = real_compiler(); \
  if (name == nullptr) {                        \
    return;                                     \
  }

constexpr const char* kGood =
    "#include \"swiglu/config.h\"\n"
    "extern \"C\" __global__ void swiglu_kernel(int* p) {\n"
    "  __shared__ int a[64];\n"
    "  a[threadIdx.x] = p[threadIdx.x];\n"
    "  __syncthreads();\n"
    "  p[threadIdx.x] = a[63 - threadIdx.x] + swiglu::kElementBytes;\n"
    "}\n";

std::string error_of(const Compiler& compiler, const CompileRequest& request, swiglu_status status) {
  try {
    compiler.compile(request);
  } catch (const Error& error) {
    CHECK(error.status() == status);
    return error.what();
  }
  FAIL_CHECK("compiled");
  return "";
}

TEST_CASE("NVRTC compiles with the embedded templates and every option") {
  NEEDS_NVRTC(compiler);
  const CompileResult result = compiler->compile({kGood, "sm_90a"});
  CHECK(result.cubin.size() > 1000);
  CHECK(result.registers > 0);
  CHECK(result.static_shared_bytes == 256);
  CHECK(result.spill_bytes == 0);
  CHECK(result.defect.empty());
  CHECK(result.milliseconds > 0);
  CHECK(compiler->compile({kGood, "sm_90a"}).cubin == result.cubin);  // the same bytes each time
  CHECK(compiler->compile({kGood, "sm_80"}).cubin != result.cubin);
}

TEST_CASE("the build id is known before NVRTC is loaded, and the same after") {
  NEEDS_NVRTC(compiler);
  CHECK(compiler->identity() == library_build(compiler->path()));
  CHECK(compiler->identity().size() >= 16);
}

TEST_CASE("bad source and unknown architectures") {
  NEEDS_NVRTC(compiler);
  CHECK(error_of(*compiler, {"#error out of tea\n", "sm_90a"}, SWIGLU_COMPILE_FAILED).find("out of tea") !=
        std::string::npos);
  CHECK(error_of(*compiler, {kGood, "sm_70"}, SWIGLU_NOT_SUPPORTED).find("sm_80") != std::string::npos);
  CHECK(error_of(*compiler, {kGood, "sm_90f"}, SWIGLU_NOT_SUPPORTED).find("sm_90f") != std::string::npos);
}

TEST_CASE("a spill is seen in the real log") {
  NEEDS_NVRTC(compiler);
  const CompileResult result =
      compiler->compile({"extern \"C\" __global__ void __launch_bounds__(1024, 2) swiglu_kernel(float* p) {\n"
                         "  float a[100];\n"
                         "  for (int i = 0; i < 100; i++) a[i] = p[i * threadIdx.x];\n"
                         "  __syncthreads();\n"
                         "  for (int j = 0; j < 50; j++)\n"
                         "    for (int i = 0; i < 100; i++) a[i] = a[i] * a[(i + 7) % 100];\n"
                         "  for (int i = 0; i < 100; i++) p[i * threadIdx.x] = a[i];\n"
                         "}\n",
                         "sm_90a"});
  CHECK(result.spill_bytes > 0);
  CHECK(result.defect.find("spilled") != std::string::npos);
}

TEST_CASE("a header in the current directory is not picked up") {
  NEEDS_NVRTC(compiler);
  const test::ScratchDirectory scratch;
  std::filesystem::create_directories(scratch.path() / "swiglu");
  std::ofstream(scratch.path() / "swiglu/config.h") << "#error hijacked\n";
  std::ofstream(scratch.path() / "extra.h") << "#error hijacked\n";
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(scratch.path());
  CHECK_NOTHROW(compiler->compile({kGood, "sm_90a"}));
  const std::string missing = error_of(*compiler, {"#include \"extra.h\"\n", "sm_90a"}, SWIGLU_COMPILE_FAILED);
  std::filesystem::current_path(before);
  CHECK(missing.find("hijacked") == std::string::npos);
  CHECK(missing.find("extra.h") != std::string::npos);
}

TEST_CASE("compiles run side by side") {
  NEEDS_NVRTC(compiler);
  std::vector<CompileResult> results(4);
  std::vector<std::thread> threads;
  threads.reserve(results.size());
  for (CompileResult& result : results) {
    threads.emplace_back([&] { result = compiler->compile({kGood, "sm_90a"}); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const CompileResult& result : results) {
    CHECK(result.cubin == results[0].cubin);
    CHECK_FALSE(result.cubin.empty());
  }
}

}  // namespace
}  // namespace swiglu
