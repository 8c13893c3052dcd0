// Sums -> out, g and u: the activation in the accumulator's type, then one rounding at each store.
#pragma once

#include "cpu/forward.h"

namespace swiglu::cpu {

// A block of the outputs, in elements of OutType. g and u are null unless they are wanted.
struct OutputBlock {
  OutType type;
  void* out;
  void* g;
  void* u;
  long long ld_out;
  long long ld_g;
  long long ld_u;
  long long row;  // the block's first row and column within each matrix
  long long column;
  int rows;
  int columns;
};

// Row r, column c of the block: g = sums[r * pitch + c], u = sums[r * pitch + up_offset + c].
void store(const OutputBlock& block, const float* sums, long long pitch, long long up_offset);
void store(const OutputBlock& block, const double* sums, long long pitch, long long up_offset);

}  // namespace swiglu::cpu
