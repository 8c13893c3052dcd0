// Operands of one problem at one m on a device, as many sets as timing rotates over: random inputs, x ~ N(0, 1) and
// weights ~ N(0, 1 / d_model), since power and hence clock depend on the data. Rows and pointers are aligned to the
// problem's access_bytes and no better.
//
// As cuda/work.h: context current, capture relaxed, one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/work.h"
#include "kernels/trial_kernels.h"
#include "swiglu/config.h"
#include "swiglu/params.h"

namespace swiglu {

// Elements from row to row: the least that the problem's alignment allows.
std::int64_t aligned_pitch(const Problem& problem, std::int64_t row_length);

// Bytes that one execution at m reads and writes.
std::size_t operand_bytes(const Problem& problem, std::int64_t m);

class Operands {
 public:
  // Throws Error{OUT_OF_MEMORY} where not even one set fits; makes fewer sets where not all fit.
  Operands(const Problem& problem, std::int64_t m, std::size_t sets, const TrialKernels& kernels,
           const WorkStream& stream);

  std::size_t sets() const { return params_.size(); }
  const ForwardParams& set(std::size_t index) const { return params_[index % params_.size()]; }

 private:
  ForwardParams place(const Problem& problem, std::int64_t m, const DeviceMemory& memory) const;

  std::vector<DeviceMemory> memory_;
  std::vector<ForwardParams> params_;
};

}  // namespace swiglu
