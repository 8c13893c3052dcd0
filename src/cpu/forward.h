// The CPU device: the forward pass on host memory, threaded. Also the oracle of every numeric test (f64).
//
// Order of operations: each of g and u is ONE sum in the accumulator's type, from 0 in increasing k; its products are
// exact (11 + 11 bits), so it is the same with and without fused multiply-add. Rows and columns are padded with zeros
// rather than treated apart. So a result depends neither on the number of threads, nor on m, nor on its place in the
// matrix.
#pragma once

#include "swiglu/config.h"
#include "swiglu/params.h"

namespace swiglu::cpu {

enum class Accumulate { f32, f64 };
enum class OutType { bf16, f16, f32, f64 };

// As swiglu_execute says; of the problem it reads dtype, layout, pass, d_model and d_intermediate. The activation is
// computed in the accumulator's type, with one rounding at each store. Pointers need element alignment only; `threads`
// is an upper bound. Throws std::bad_alloc before anything is written. Thread-safe.
void forward(const Problem& problem, Accumulate accumulate, OutType out_type, const ForwardParams& params, int threads);

}  // namespace swiglu::cpu
