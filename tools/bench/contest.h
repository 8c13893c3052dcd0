// One problem with its contenders, ready to run: what a pass must be able to do in order to be measured. The forward
// pass is forward_contest.h; the backward pass, alone and after the forward pass, backward_contest.h.
#pragma once

#include <cstddef>

#include "tools/bench/contenders.h"
#include "tools/bench/replay.h"
#include "tools/device_memory.h"
#include "tools/library.h"

namespace swiglu::tool {

class Contest {
 public:
  Contest() = default;
  virtual ~Contest() = default;
  Contest(const Contest&) = delete;
  Contest& operator=(const Contest&) = delete;

  // One execution over a set of operands (0 exists from the start).
  virtual void enqueue(Contender contender, std::size_t set, cudaStream_t stream) = 0;

  // What of such an execution is the contender.
  virtual Part part(Contender) const { return Part::whole; }

  // Checks ours and the first algorithm on poisoned outputs: against float64 on some rows, against each other on every
  // element. A Failure says what is wrong; the JSON how far from wrong it is.
  virtual Json check() = 0;

  // Checks the last results of set 0 against the chosen algorithms', on every element.
  virtual void check_again() = 0;

  // That one execution touches at least.
  virtual std::size_t bytes(Contender contender) const = 0;
  virtual void make_sets(std::size_t count) = 0;

  // Algorithms of one of the pass's GEMMs (gemms_of), and which of them it runs.
  virtual int algorithms(Contender gemm) const = 0;
  virtual void choose(Contender gemm, int algorithm) = 0;
};

}  // namespace swiglu::tool
