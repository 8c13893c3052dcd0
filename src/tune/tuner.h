// Chooses the fastest of a problem's candidates by measuring. All decisions are here, all effects behind Trial and a
// clock, so that tests drive it with made-up times.
//
//   1. Prune on paper: what the estimate finds far behind its best is not tried.
//   2. Compile in parallel, the most promising first; check each against the trusted kernel as it arrives, and probe it
//      with two samples. A candidate that fails anywhere is recorded with the reason and passed over. First a few; more
//      as long as what these took, held against paper, lets one of the rest be faster.
//   3. Finals: those near the best, in interleaved rounds, until each has enough samples; who falls behind leaves.
//   4. The smallest median wins. Within a tie of it the first in canonical order does, so that the winner is the same
//      from process to process.
//
// The budget is time by the clock that tune() is given (tune/shared_time.h). When it ends what is known decides;
// nothing more is begun, and no compile is begun that would outlast it, but for the estimate's choice: that one is
// measured in any case, unless it fails.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tune/estimate.h"
#include "tune/trial.h"

namespace swiglu {

struct TunerPolicy {
  double budget_seconds = 3;
  // Of 390 problems that were measured whole on an H200 and an H100 this finds what is within 1 % of the fastest at all
  // but three, and there within 6 % (tests/tuning/estimate_measured_test.cpp), by 11 of 20 that are left on paper.
  std::size_t at_least = 10;   // best on paper are tried, whatever the others' estimates
  double paper_factor = 1.25;  // of the best estimate: beyond it no other is tried
  std::size_t at_most = 24;    // tried
  int probes = 2;              // samples of each candidate before the finals
  double probe_factor = 1.10;  // of the best probe: beyond it a candidate is not in the finals
  int rounds = 15;             // samples in the finals
  int fewest_rounds = 3;       // before somebody leaves them
  int rounds_alone = 5;        // samples of one who is left alone in them
  double final_factor = 1.03;  // of the best median so far: beyond it a candidate leaves
  double tie = 0.0075;         // of the best median: what medians of noisy samples cannot tell apart
  int compile_threads = 0;     // 0: the machine's, but for the measuring thread
};

struct Tried {
  enum class Outcome {
    measured,        // in the finals
    slower,          // by its probes, or in the finals' first rounds
    wrong,           // its results are not the trusted kernel's
    compile_failed,  // refused, or with a defect
    failed,          // to load or to run
    out_of_memory,
    not_reached,  // the budget ended
    pruned        // on paper
  };
  KernelConfig config;
  Outcome outcome = Outcome::not_reached;
  std::string why;     // of what failed
  double seconds = 0;  // median; 0 where there is no sample
  int samples = 0;
};
const char* name(Tried::Outcome);

struct Tuning {
  std::vector<Tried> tried;           // in canonical order
  std::optional<std::size_t> winner;  // none: nothing could be measured
  std::optional<std::size_t> paper;   // the estimate's choice
  bool finished = false;              // every candidate that was to be tried was, and the finals went to their end
  double seconds = 0;                 // taken
};

// Indices of the candidates that may be tried, best on paper first; ties in canonical order.
std::vector<std::size_t> worth_trying(const std::vector<Choice>& candidates, const TunerPolicy& policy);

using SecondsClock = std::function<double()>;  // monotonic
double steady_seconds();

// `candidates` in canonical order (tune/space.h). Throws only what is no candidate's fault: std::bad_alloc.
Tuning tune(const std::vector<Choice>& candidates, Trial& trial, const TunerPolicy& policy,
            const SecondsClock& now = steady_seconds);

}  // namespace swiglu
