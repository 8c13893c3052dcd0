// Puts the stand-in driver in place before anything reads the environment, and looks at errors.
#pragma once

#include <cstdlib>
#include <string>

#include "base/error.h"

namespace swiglu::test {

// One in each source: the first to run counts, and all say the same.
struct StandInEnvironment {
  StandInEnvironment() { setenv("SWIGLU_CUDA_LIBRARY", STAND_IN_CUDA_LIBRARY, 1); }
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
