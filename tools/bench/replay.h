// Executions captured in a CUDA graph once, to be replayed while a stopwatch runs; how many, and over how many sets of
// operands.
//
// A short kernel is captured many times in a row, over several sets of operands that together exceed the L2 cache, so
// that neither launch overhead nor a warm cache is what is measured. Not thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "tools/device_memory.h"

namespace swiglu::tool {

// Executions captured in one replay of a burst, for a kernel that takes this long: 1 from 0.1 ms on, else about a
// millisecond's.
int launches_for(double milliseconds);

// And in one replay of sustained load: at least as many, up to 10 in about 10 ms, so that what lies between replays
// (a microsecond or two, which no launch may overlap) hardly counts.
int sustained_launches_for(double milliseconds);

// Sets of operands to rotate over, when one execution touches `bytes`: four times the L2 cache together.
std::size_t operand_sets_for(std::size_t bytes, std::size_t l2_bytes, int launches);

// Enqueues one execution over this set of operands.
using Enqueue = std::function<void(std::size_t set, cudaStream_t stream)>;

// Of an execution that is a chain of kernels, those that are replayed: so that a kernel is timed by itself as the
// library launches it, with the arguments that it has there, over what the kernels before it left in memory.
enum class Part { whole, first, rest };

class Replay {
 public:
  // Executes the whole once over each set, then captures `launches` executions; execution i is over set i modulo
  // `sets`.
  Replay(const Stream& stream, const Enqueue& enqueue, int launches, std::size_t sets, Part part = Part::whole);
  ~Replay();
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  void enqueue() const;
  int launches() const { return launches_; }

 private:
  struct Executable;
  const Stream& stream_;
  int launches_;
  std::unique_ptr<Executable> graph_;
};

}  // namespace swiglu::tool
