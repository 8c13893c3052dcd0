// The matrix products of SwiGLU as one GEMM each, over packed operands: x [m, d_model], the weights side by side as the
// layout says ([d_model, 2 d_intermediate] in KN, [2 d_intermediate, d_model] in NK), gu = g|u and dgu = dg|du
// [m, 2 d_intermediate]. Pure.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>

namespace swiglu::tool {

// c [rows, columns] = a b, all row-major and dense; a transposed factor lies in memory as its transpose.
struct GemmShape {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t depth;
  bool a_transposed;  // a is [depth, rows] in memory, else [rows, depth]
  bool b_transposed;  // b is [columns, depth] in memory, else [depth, columns]
};

// gu = x w: a is x, b the weights.
inline GemmShape forward_gemm(const swiglu_plan_desc& desc, std::int64_t m) {
  return {m, 2 * desc.d_intermediate, desc.d_model, false, desc.weight_layout == SWIGLU_NK};
}

// dx = dgu w': a is dgu, b the weights.
inline GemmShape dx_gemm(const swiglu_plan_desc& desc, std::int64_t m) {
  return {m, desc.d_model, 2 * desc.d_intermediate, false, desc.weight_layout == SWIGLU_KN};
}

// The weights' gradients as the weights lie: x' dgu in KN, where a is x and b dgu; dgu' x in NK, where a is dgu and b
// x.
inline GemmShape dw_gemm(const swiglu_plan_desc& desc, std::int64_t m) {
  return desc.weight_layout == SWIGLU_KN ? GemmShape{desc.d_model, 2 * desc.d_intermediate, m, true, false}
                                         : GemmShape{2 * desc.d_intermediate, desc.d_model, m, true, false};
}

}  // namespace swiglu::tool
