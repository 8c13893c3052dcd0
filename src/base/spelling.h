// Configurations as text and back: one spelling in logs, file names, tools and tests. parse(print(x)) == x.
//   Problem       bf16_f32_4096x14336_kn[_gu][_a8]     dtype_accum_DxI_layout, _gu: stores g and u, _aN: rows only
//                                                      N-byte aligned (16 is not written). Backward: _recompute,
//                                                      _dgate, _dx, _dw, _dw_single, _dw_sum; _to_f32: into f32
//                                                      gradients
//   Tile          128x64x32_s4_w2x2_g16                m x n x k, stages, warps m x n, M-tiles of a raster group
//   KernelConfig  <problem>/<family>/<tile>
// parse_* return nothing for text that is not exactly a spelling.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "swiglu/config.h"

namespace swiglu {

const char* name(DType);
const char* name(Accum);
const char* name(Layout);
const char* name(Pass);
const char* name(Family);
const char* name(Gradient);

std::string print(const Problem&);
std::string print(const Tile&);
std::string print(const KernelConfig&);
std::optional<Problem> parse_problem(std::string_view);
std::optional<Tile> parse_tile(std::string_view);
std::optional<KernelConfig> parse_config(std::string_view);

}  // namespace swiglu
