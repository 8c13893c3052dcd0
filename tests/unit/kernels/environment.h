// Puts the stand-in driver, the stand-in NVRTC and a private kernel store in place before anything reads the
// environment.
#pragma once

#include <cstdlib>
#include <string>

#include "base/error.h"
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

struct Outcome {
  swiglu_status status = SWIGLU_OK;
  std::string message;
  bool says(const std::string& text) const { return message.find(text) != std::string::npos; }
};

template <typename Action>
Outcome outcome_of(Action&& action) {
  try {
    action();
    return {};
  } catch (const Error& error) {
    return {error.status(), error.what()};
  }
}

}  // namespace swiglu::test
