// float64 results of a few rows of operands that lie on the device: the library's CPU device in float64 over downloaded
// rows of x and downloaded weights. Weights of the same sizes as the last ones are not downloaded again, so one oracle
// serves one seed, type and layout, and set 0 of the operands alone.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <vector>

#include "tools/bench/forward_operands.h"
#include "tools/oracle.h"
#include "tools/random_problem.h"

namespace swiglu::tool {

// Rows of a dense 16-bit matrix on the device.
std::vector<std::uint16_t> download_rows(const void* matrix, std::int64_t columns,
                                         const std::vector<std::int64_t>& rows);

// The same of columns of a matrix with this pitch: one column after another.
std::vector<std::uint16_t> download_columns(const void* matrix, std::int64_t pitch, std::int64_t rows,
                                            const std::vector<std::int64_t>& columns);

class ForwardOracle {
 public:
  // The weights, dense; x is whatever it was.
  const RandomProblem& weights(const swiglu_plan_desc& desc, const ForwardOperands& operands);

  Reference reference(const swiglu_plan_desc& desc, ForwardOperands& operands, const std::vector<std::int64_t>& rows);

 private:
  RandomProblem problem_;  // x: the rows alone
  std::int64_t d_model_ = 0;
  std::int64_t d_intermediate_ = 0;
};

}  // namespace swiglu::tool
