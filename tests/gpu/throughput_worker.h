// One contender of gpu_throughput, in a process of its own (SWIGLU_TILE is read once per process): it makes its data,
// checks its output, says "ready", and then times what it is told to, a line for a line.
//   <- ready <relative error> <what it runs>          or   failed <why>
//   -> burst <count>          <- seconds of each execution, after an L2 flush and a pause
//   -> sustained <seconds>    <- seconds per execution, back to back
#pragma once

#include "support/case.h"

namespace swiglu_test {

// The library, with whatever tile the environment forces. Returns the process's exit code.
int work_swiglu(const Case& test);

// cuBLASLt: the best of its heuristic's algorithms in a short trial, or (default_algorithm) the first.
int work_cublaslt(const Case& test, bool default_algorithm);

}  // namespace swiglu_test
