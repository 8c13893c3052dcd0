// What Compiler makes of NVRTC's answers, by the stand-in NVRTC. The real one: real_nvrtc_test.cpp.
#include <doctest/doctest.h>

#include "jit/compiler.h"

#include <nvrtc.h>

#include <string>

#include "base/error.h"
#include "jit/nvrtc_search.h"
#include "support/outcome.h"
#include "support/stand_in_driver/stand_in_nvrtc.h"

namespace swiglu {
namespace {

Settings stand_in_settings() {
  Settings settings{};
  settings.nvrtc_library = STAND_IN_NVRTC_LIBRARY;
  return settings;
}

using test::Outcome;
using test::outcome_of;

Outcome compile_outcome(const char* arch = "sm_90a") {
  const Compiler compiler(stand_in_settings());
  return outcome_of([&] { compiler.compile({"source", arch}); });
}

TEST_CASE("a compile reports what ptxas said") {
  stand_in_nvrtc_reset();
  const Compiler compiler(stand_in_settings());
  CHECK(compiler.version() == 13000);
  CHECK(compiler.path() == STAND_IN_NVRTC_LIBRARY);
  CHECK(compiler.identity() == library_build(STAND_IN_NVRTC_LIBRARY));
  CHECK_FALSE(compiler.identity().empty());
  const CompileResult result = compiler.compile({"the source", "sm_80"});
  CHECK(result.registers == 96);
  CHECK(result.defect.empty());
  const std::string cubin(reinterpret_cast<const char*>(result.cubin.data()), result.cubin.size());
  CHECK(cubin.find("the source") != std::string::npos);
  CHECK(cubin.find("--gpu-architecture=sm_80") != std::string::npos);
}

TEST_CASE("options are those of the key, the architecture, and --no-cache where it is known") {
  stand_in_nvrtc_reset();
  CHECK(compile_outcome().status == SWIGLU_OK);
  std::string wanted;
  for (const std::string& option : Compiler::options()) {
    wanted += option + " ";
  }
  CHECK(stand_in_nvrtc_options() == wanted + "--gpu-architecture=sm_90a --no-cache");
  stand_in_nvrtc_set_version(12, 8);
  CHECK(compile_outcome().status == SWIGLU_OK);
  CHECK(stand_in_nvrtc_options() == wanted + "--gpu-architecture=sm_90a");
}

TEST_CASE("an NVRTC that is too old, missing or none is told by name") {
  stand_in_nvrtc_reset();
  stand_in_nvrtc_set_version(12, 4);
  const Outcome old = outcome_of([] { const Compiler compiler(stand_in_settings()); });
  CHECK(old.status == SWIGLU_NO_COMPILER);
  CHECK(old.says("12.4"));
  CHECK(old.says("12.8"));
  CHECK(old.says(STAND_IN_NVRTC_LIBRARY));
  Settings nowhere{};
  nowhere.nvrtc_library = "/nowhere/libnvrtc.so.13";
  const Outcome missing = outcome_of([&] { const Compiler compiler(nowhere); });
  CHECK(missing.status == SWIGLU_NO_COMPILER);
  CHECK(missing.says("/nowhere/libnvrtc.so.13 (SWIGLU_NVRTC_LIBRARY)"));
  Settings other{};
  other.nvrtc_library = "libm.so.6";
  const Outcome wrong = outcome_of([&] { const Compiler compiler(other); });
  CHECK(wrong.status == SWIGLU_NO_COMPILER);
  CHECK(wrong.says("it has no nvrtc"));
}

TEST_CASE("a refused source: COMPILE_FAILED with the end of the log") {
  stand_in_nvrtc_reset();
  const std::string log = "first line\n" + std::string(5000, '.') + "\nswiglu/simt.cuh(12): error: no such thing\n";
  stand_in_nvrtc_fail(NVRTC_ERROR_COMPILATION, log.c_str(), 1);
  const Outcome failed = compile_outcome();
  CHECK(failed.status == SWIGLU_COMPILE_FAILED);
  CHECK(failed.says("no such thing"));
  CHECK_FALSE(failed.says("first line"));
  CHECK(failed.says("sm_90a"));
}

TEST_CASE("other failures have their own status") {
  stand_in_nvrtc_reset();
  stand_in_nvrtc_fail(NVRTC_ERROR_BUILTIN_OPERATION_FAILURE, "", 1);
  const Outcome builtins = compile_outcome();
  CHECK(builtins.status == SWIGLU_NO_COMPILER);
  CHECK(builtins.says("libnvrtc-builtins.so.13.0"));
  stand_in_nvrtc_fail(NVRTC_ERROR_OUT_OF_MEMORY, "", 1);
  CHECK(compile_outcome().status == SWIGLU_OUT_OF_MEMORY);
  stand_in_nvrtc_fail(NVRTC_ERROR_INVALID_OPTION, "nvrtc: error: invalid value for --gpu-architecture (-arch)\n", 1);
  const Outcome arch = compile_outcome("sm_90f");
  CHECK(arch.status == SWIGLU_NOT_SUPPORTED);
  CHECK(arch.says("sm_90f"));
  CHECK(arch.says("sm_75, sm_80"));
}

TEST_CASE("an architecture that NVRTC does not list is not even tried") {
  stand_in_nvrtc_reset();
  for (const char* arch : {"sm_70", "sm_", "sm_90b", "compute_90a", "90", "sm_90a ", ""}) {
    CAPTURE(arch);
    CHECK(compile_outcome(arch).status == SWIGLU_NOT_SUPPORTED);
  }
  CHECK(stand_in_nvrtc_compiles() == 0);
}

TEST_CASE("a success without a cubin is a failure") {
  stand_in_nvrtc_reset();
  stand_in_nvrtc_set_cubin(kStandInEmpty);
  CHECK(compile_outcome().status == SWIGLU_COMPILE_FAILED);
  stand_in_nvrtc_set_cubin(kStandInText);
  const Outcome text = compile_outcome();
  CHECK(text.status == SWIGLU_COMPILE_FAILED);
  CHECK(text.says("no ELF file"));
}

}  // namespace
}  // namespace swiglu
