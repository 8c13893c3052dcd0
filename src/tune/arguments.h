// The arguments of any kernel that is tuned, as the matrices they are made of: so that operands are placed, filled,
// shifted and compared alike whatever a pass multiplies. Pure but for the pointers it writes into arguments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "kernels/kernels.h"
#include "swiglu/config.h"
#include "swiglu/params.h"

namespace swiglu {

using Arguments = std::variant<ForwardParams, BackwardParams>;

// Whether a problem's kernels are launched with such arguments alone: the passes that multiply, but for those that
// compute dg and du beside it.
bool has_arguments(const Problem& problem);

// For m tokens, without pointers and pitches. The tokens of dw and dw_single are split as a plan on a card of so many
// multiprocessors splits them.
Arguments make_arguments(const Problem& problem, std::int64_t m, int multiprocessors);

struct Matrix {
  const char* name;
  void** pointer;  // in the arguments
  long long* ld;   // likewise, in elements; two matrices may share one
  std::int64_t rows;
  std::int64_t columns;
  bool is_output;
  bool has_token_rows;
  double deviation;  // of an input's elements
  ElementType type;
  int row_bytes;  // rows start at multiples of this
};

// All that the pass reads and writes. Pointers into `arguments`, which must stay where it is.
std::vector<Matrix> matrices_of(const Problem& problem, Arguments& arguments);

std::int64_t pitch_of(const Matrix& matrix);  // the least that row_bytes allows
std::size_t bytes_of(const Matrix& matrix);   // at that pitch

// Tokens first.. first + count - 1 of what the arguments say, all outputs that have no token rows being what they were.
Arguments tokens_of(const Problem& problem, const Arguments& arguments, std::int64_t first, std::int64_t count,
                    int multiprocessors);

void launch(const Kernel& kernel, const Arguments& arguments, void* stream);

}  // namespace swiglu
