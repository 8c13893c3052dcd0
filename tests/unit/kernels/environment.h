// Puts the stand-in driver, the stand-in NVRTC and a private kernel store in place before anything reads the
// environment.
#pragma once

#include <cstdlib>
#include <string>

#include "support/outcome.h"
#include "support/scratch_directory.h"

namespace swiglu::test {

inline const std::filesystem::path& cache_directory() {
  static const ScratchDirectory scratch;
  return scratch.path();
}

// One in each source: they all say the same.
struct StandInEnvironment {
  StandInEnvironment() {
    setenv("SWIGLU_CUDA_LIBRARY", STAND_IN_CUDA_LIBRARY, 1);
    setenv("SWIGLU_NVRTC_LIBRARY", STAND_IN_NVRTC_LIBRARY, 1);
    setenv("SWIGLU_CACHE_DIR", cache_directory().c_str(), 1);
    for (const char* name : {"SWIGLU_CACHE_PATH", "SWIGLU_DISABLE_CACHE", "SWIGLU_TEMPLATE_DIR", "SWIGLU_DUMP_DIR"}) {
      unsetenv(name);
    }
  }
};

}  // namespace swiglu::test
