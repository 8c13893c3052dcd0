// Puts the stand-in driver in place before anything reads the environment.
#pragma once

#include <cstdlib>
#include <string>

#include "support/outcome.h"

namespace swiglu::test {

// One in each source: the first to run counts, and all say the same.
struct StandInEnvironment {
  StandInEnvironment() { setenv("SWIGLU_CUDA_LIBRARY", STAND_IN_CUDA_LIBRARY, 1); }
};

}  // namespace swiglu::test
