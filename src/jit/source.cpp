#include "jit/source.h"

#include <string>

#include <fmt/core.h>

#include "base/spelling.h"

namespace swiglu {

// The names of base/spelling are those of the enumerators.
std::string generate_source(const KernelConfig& config) {
  const Problem& problem = config.problem;
  const Tile& tile = config.tile;
  const char* const entry = is_forward(problem.pass) ? "forward" : is_copy(problem.pass) ? "copy" : "backward";
  const char* const params = config.family == Family::wgmma_sm90 ? "TmaParams"
                             : is_forward(problem.pass)          ? "ForwardParams"
                             : is_copy(problem.pass)             ? "CopyParams"
                                                                 : "BackwardParams";
  const std::string gradient =
      problem.gradient == Gradient::element
          ? ""
          : fmt::format(",\n                .gradient = swiglu::Gradient::{}", name(problem.gradient));
  const std::string clear = has_gradients_ahead(problem.pass) ? fmt::format(R"(
extern "C" __global__ void __launch_bounds__(swiglu::kClearThreads)
    {}(const __grid_constant__ swiglu::{} params) {{
  swiglu::{}::clear_progress<kConfig>(params);
}}
)",
                                                                            kClearName, params, name(config.family))
                                                              : "";
  return fmt::format(
      R"(#include "swiglu/{family}.cuh"

constexpr swiglu::KernelConfig kConfig{{
    .problem = {{.dtype = swiglu::DType::{dtype},
                .accum = swiglu::Accum::{accum},
                .layout = swiglu::Layout::{layout},
                .pass = swiglu::Pass::{pass},
                .d_model = {d_model},
                .d_intermediate = {d_intermediate},
                .access_bytes = {access_bytes}{gradient}}},
    .family = swiglu::Family::{family},
    .tile = {{.m = {m}, .n = {n}, .k = {k}, .stages = {stages}, .warps_m = {warps_m}, .warps_n = {warps_n}, .group_m = {group_m}}}}};

extern "C" __global__ void __launch_bounds__(swiglu::threads(kConfig), swiglu::min_blocks(kConfig))
    {kernel}(const __grid_constant__ swiglu::{params} params) {{
  swiglu::{family}::{entry}<kConfig>(params);
}}
{clear})",
      fmt::arg("family", name(config.family)), fmt::arg("dtype", name(problem.dtype)),
      fmt::arg("accum", name(problem.accum)), fmt::arg("layout", name(problem.layout)),
      fmt::arg("pass", name(problem.pass)), fmt::arg("d_model", problem.d_model),
      fmt::arg("d_intermediate", problem.d_intermediate), fmt::arg("access_bytes", problem.access_bytes),
      fmt::arg("gradient", gradient), fmt::arg("entry", entry), fmt::arg("m", tile.m), fmt::arg("n", tile.n),
      fmt::arg("k", tile.k), fmt::arg("stages", tile.stages), fmt::arg("warps_m", tile.warps_m),
      fmt::arg("warps_n", tile.warps_n), fmt::arg("group_m", tile.group_m), fmt::arg("kernel", kKernelName),
      fmt::arg("params", params), fmt::arg("clear", clear));
}

}  // namespace swiglu
