// The numeric tests on the CPU device: no GPU, no compiler, part of CI.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "support/memory.h"
#include "support/random.h"

swiglu_test::Memory& swiglu_test::memory_under_test() {
  static HostMemory memory;
  return memory;
}

int main(int argc, char** argv) {
  std::printf("numeric tests on the CPU device, %s\n", swiglu_test::seed_text().c_str());
  return doctest::Context(argc, argv).run();
}
