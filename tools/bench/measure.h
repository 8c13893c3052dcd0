// One contest, measured: the contenders interleaved, so that clock and temperature drift for all alike.
#pragma once

#include "tools/bench/contest.h"
#include "tools/bench/laboratory.h"
#include "tools/bench/results.h"

namespace swiglu::tool {

struct Effort {
  int rounds = 11;               // of burst: one sample of every contender a round
  double sustained_seconds = 0;  // timed, of every contender, in kSustainedRounds rounds; 0: none
};

inline constexpr int kSustainedRounds = 3;

// Fills in all of `result` but its point and its kernels. A Failure of any contender is the point's.
void measure(const Laboratory& laboratory, Contest& contest, BenchPass pass, const Effort& effort, PointResult& result);

}  // namespace swiglu::tool
