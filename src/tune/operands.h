// Operands of one problem at one m on a device, as many sets as timing rotates over: random inputs, tokens ~ N(0, 1)
// and weights ~ N(0, 1 / d_model), since power and hence clock depend on the data. Rows and pointers are aligned to the
// problem's access_bytes and no better.
//
// As cuda/work.h: context current, capture relaxed, one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/work.h"
#include "kernels/trial_kernels.h"
#include "tune/arguments.h"

namespace swiglu {

// Bytes that one execution at m reads and writes.
std::size_t operand_bytes(const Problem& problem, std::int64_t m, int multiprocessors);

// The same with outputs in memory of their own.
struct Outputs {
  DeviceMemory memory;
  Arguments arguments;
};
Outputs make_outputs(const Problem& problem, const Arguments& arguments);

class Operands {
 public:
  // Throws Error{OUT_OF_MEMORY} where not even one set fits; makes fewer sets where not all fit.
  Operands(const Problem& problem, std::int64_t m, int multiprocessors, std::size_t sets, const TrialKernels& kernels,
           const WorkStream& stream);

  std::size_t sets() const { return arguments_.size(); }
  const Arguments& set(std::size_t index) const { return arguments_[index % arguments_.size()]; }

 private:
  std::vector<DeviceMemory> memory_;
  std::vector<Arguments> arguments_;
};

}  // namespace swiglu
