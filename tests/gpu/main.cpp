// The GPU tests. Without a usable GPU: one plain line and success, or failure where SWIGLU_REQUIRE_GPU=1 says that
// there must be one. Device 0 is the device under test. With SWIGLU_TEST_COMPILE_AHEAD=sm_90a no GPU is looked for:
// kernels that take long to compile are put into the store, to be carried to the machine that has one.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "gpu/child.h"
#include "gpu/cuda_memory.h"
#include "support/random.h"

swiglu_test::Memory& swiglu_test::memory_under_test() {
  static CudaMemory memory(0);
  return memory;
}

int main(int argc, char** argv) {
  if (!swiglu_test::from_environment(swiglu_test::kCompileAheadVariable).empty()) {
    doctest::Context context(argc, argv);
    context.setOption("test-case", "compile ahead: *");
    context.setOption("no-skip", true);
    return context.run();
  }
  const std::string reason = swiglu_test::why_no_gpu();
  if (!reason.empty()) {
    const bool is_required = swiglu_test::from_environment("SWIGLU_REQUIRE_GPU") == "1";
    std::printf("no GPU: gpu tests %s (%s)\n", is_required ? "FAILED: SWIGLU_REQUIRE_GPU=1" : "skipped",
                reason.c_str());
    return is_required ? 1 : 0;
  }
  std::printf("%s %s\n", swiglu_test::arch_of(0).c_str(), swiglu_test::seed_text().c_str());
  return doctest::Context(argc, argv).run();
}
