// The emulator's tensor maps, for kernels/tma_params.h.
#pragma once

#include "cuda/tensor_map.h"
#include "operations/tensor_map.h"

namespace swiglu::emulator {

inline TensorMap encode_map(const MatrixView& matrix, const Box& box) {
  return make_tensor_map(matrix.base, matrix.rows, matrix.columns, matrix.pitch * kElementBytes, box.rows, box.columns,
                         static_cast<unsigned>(box.swizzle_bytes));
}

}  // namespace swiglu::emulator
