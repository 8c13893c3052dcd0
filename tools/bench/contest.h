// One problem with its contenders, ready to run: what a pass must be able to do in order to be measured. The forward
// pass is forward_contest.h; a further pass is a further implementation.
#pragma once

#include <cstddef>

#include "tools/bench/results.h"
#include "tools/device_memory.h"

namespace swiglu::tool {

class Contest {
 public:
  Contest() = default;
  virtual ~Contest() = default;
  Contest(const Contest&) = delete;
  Contest& operator=(const Contest&) = delete;

  // One execution over a set of operands (0 exists from the start).
  virtual void enqueue(Contender contender, std::size_t set, cudaStream_t stream) = 0;

  // Checks swiglu and the first algorithm on poisoned outputs: against float64 on some rows, against each other on
  // every element. A Failure says what is wrong; the JSON how far from wrong it is.
  virtual Json check() = 0;

  // Checks the last results of set 0 against the chosen algorithm's, on every element.
  virtual void check_again() = 0;

  // Bytes that the execution touching least touches.
  virtual std::size_t bytes() const = 0;
  virtual void make_sets(std::size_t count) = 0;

  // Algorithms of the baseline, and which of them Contender::best runs.
  virtual int algorithms() const = 0;
  virtual void choose(int algorithm) = 0;
};

}  // namespace swiglu::tool
