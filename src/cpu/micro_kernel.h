// sums[row][column] += x[k][row] * w[k][column] over one packed panel pair: the inner loop of the CPU device.
//
// Every sum takes its products one by one in increasing k, whatever the instruction set, so a block split anywhere
// gives the same bits. The instruction set is chosen once per process: AVX-512, AVX2 with FMA, or what the build
// targets.
#pragma once

namespace swiglu::cpu {

template <typename Real>
struct MicroKernel {
  int rows;     // of one x panel
  int columns;  // of one w panel
  // x [k][rows], w [k][columns], packed; sums [rows][columns] with sums_pitch elements from row to row.
  void (*accumulate)(int k, const Real* x, const Real* w, Real* sums, long long sums_pitch);
};

const MicroKernel<float>& micro_kernel(float);
const MicroKernel<double>& micro_kernel(double);

}  // namespace swiglu::cpu
