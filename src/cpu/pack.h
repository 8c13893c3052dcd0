// Blocks of 16-bit matrices, widened into the panels that the micro-kernel reads: panel[k][lane], lanes beyond the
// matrix zero. Exact. Reads the block alone, never what lies between rows.
#pragma once

#include <cstdint>

#include "swiglu/config.h"

namespace swiglu::cpu {

// A block of a row-major matrix.
struct Block {
  DType dtype;
  const std::uint16_t* start;
  long long pitch;  // elements from row to row
};

// Lanes are rows of the block (x, and weights in layout nk): lane l at k is block[l][k].
void pack_rows(const Block& block, int lanes, int depth, int width, float* panels);
void pack_rows(const Block& block, int lanes, int depth, int width, double* panels);

// Lanes are columns of the block (weights in layout kn): lane l at k is block[k][l].
void pack_columns(const Block& block, int lanes, int depth, int width, float* panels);
void pack_columns(const Block& block, int lanes, int depth, int width, double* panels);

// The same of what is in the accumulator's type already.
template <typename Real>
struct WideBlock {
  const Real* start;
  long long pitch;
};
void pack_rows(const WideBlock<float>& block, int lanes, int depth, int width, float* panels);
void pack_rows(const WideBlock<double>& block, int lanes, int depth, int width, double* panels);
void pack_columns(const WideBlock<float>& block, int lanes, int depth, int width, float* panels);
void pack_columns(const WideBlock<double>& block, int lanes, int depth, int width, double* panels);

}  // namespace swiglu::cpu
