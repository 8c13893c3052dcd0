// The CPU device: the backward pass on host memory, threaded. Also the oracle of its numeric tests (f64).
//
// dg and du are kept in the accumulator's type, unrounded, in the caller's workspace. Each element of dx is one sum in
// that type from 0, in increasing d_intermediate over dg Wg' and then over du Wu'; each of dWg and dWu one over
// increasing tokens. So a result depends neither on the number of threads nor on its place in the matrix, and that of
// dx not on m.
#pragma once

#include <cstddef>

#include "cpu/forward.h"
#include "swiglu/config.h"
#include "swiglu/params.h"

namespace swiglu::cpu {

struct BackwardTypes {
  Accumulate accumulate;
  OutType out;  // of dout, g, u and dx
  OutType dw;   // of dw_gate and dw_up
};

// Of m * d_intermediate elements, twice. Nothing where that overflows.
bool backward_workspace(const Problem& problem, Accumulate accumulate, long long m, std::size_t* bytes);

// As swiglu_execute_backward says; of the problem it reads dtype, layout, d_model and d_intermediate. g and u null:
// recomputed; an output that is null is not computed. dg, du and ld_dg of the parameters are not read. `threads` is an
// upper bound. Throws std::bad_alloc before anything is written. Thread-safe.
void backward(const Problem& problem, const BackwardTypes& types, const BackwardParams& params, void* workspace,
              int threads);

}  // namespace swiglu::cpu
