// What the answer should be, in float64: from the library's CPU device (F64 accumulators and outputs: the oracle), or
// from a plain double loop that shares nothing with the library (the oracle's own check, and small problems).
//
// Rows of x do not influence each other, so a reference may cover a sample of them. Immutable once made.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <vector>

#include "support/guarded_matrix.h"

namespace swiglu_test {

// The inputs, as the host's images hold them.
struct Operands {
  swiglu_dtype dtype;
  swiglu_layout layout;
  std::int64_t d_model;
  std::int64_t d_intermediate;
  MatrixView x;
  MatrixView w_gate;
  MatrixView w_up;
};

struct Reference {
  std::int64_t d_model;
  std::int64_t d_intermediate;
  std::vector<std::int64_t> rows;  // of x, in increasing order
  std::vector<double> g;           // [rows, d_intermediate], as u and out
  std::vector<double> u;
  std::vector<double> out;
  std::vector<double> x_norm;     // [rows]: the 2-norm of each row of x; of finite elements, as those below
  std::vector<double> gate_norm;  // [d_intermediate]: of each column of the mathematical Wg
  std::vector<double> up_norm;
};

double silu(double g);  // -0 at -infinity

Reference oracle_reference(const Operands& operands, const std::vector<std::int64_t>& rows);
Reference naive_reference(const Operands& operands, const std::vector<std::int64_t>& rows);

// All of [0, m) where that is at most `most`; else the first and last 8 and others evenly between them.
std::vector<std::int64_t> sample_rows(std::int64_t m, std::int64_t most);

}  // namespace swiglu_test
