// The arguments of kernels that load and store by tensor maps, from those of the others.
//
// encode(const MatrixView&, const Box&) -> TensorMap makes the maps: the driver's (cuda/tensor_map.h), or the
// emulator's. Pure but for that.
#pragma once

#include "cuda/tensor_map.h"
#include "swiglu/config.h"
#include "swiglu/params.h"

namespace swiglu {

// The matrices of a configuration of family wgmma_sm90 as they lie in memory.
template <typename Encode>
class TmaMatrices {
 public:
  TmaMatrices(const KernelConfig& config, long long m, Encode encode)
      : config_(config), problem_(config.problem), m_(m), encode_(encode) {}

  // [m, d_model] and [m, d_intermediate].
  MatrixView model(const void* base, long long pitch) const { return {base, m_, problem_.d_model, pitch}; }
  MatrixView intermediate(const void* base, long long pitch) const {
    return {base, m_, problem_.d_intermediate, pitch};
  }
  MatrixView weight(const void* base, long long pitch) const {
    return {base, weight_rows(problem_), weight_columns(problem_), pitch};
  }

  TensorMap a(const MatrixView& matrix) const { return operand(matrix, a_box(config_)); }
  TensorMap b(const MatrixView& matrix) const { return operand(matrix, b_box(config_)); }
  TensorMap output(const MatrixView& matrix) const { return encode_(matrix, output_box(config_)); }

 private:
  TensorMap operand(const MatrixView& matrix, Box box) const {
    if (loads_in_pairs(config_, m_)) {
      box.promotion_bytes = 0;
    }
    return encode_(matrix, box);
  }

  const KernelConfig& config_;
  const Problem& problem_;
  long long m_;
  Encode encode_;
};

template <typename Encode>
TmaParams tma_params(const KernelConfig& config, const ForwardParams& params, Encode encode) {
  const TmaMatrices of(config, params.m, encode);
  TmaParams maps{};
  maps.m = params.m;
  maps.splits = 1;
  maps.a[0] = of.a(of.model(params.x, params.ld_x));
  maps.b[0] = of.b(of.weight(params.w_gate, params.ld_w_gate));
  maps.b[1] = of.b(of.weight(params.w_up, params.ld_w_up));
  maps.out[0] = of.output(of.intermediate(params.out, params.ld_out));
  if (config.problem.pass == Pass::forward_store) {
    maps.out[1] = of.output(of.intermediate(params.g, params.ld_g));
    maps.out[2] = of.output(of.intermediate(params.u, params.ld_u));
  }
  return maps;
}

// Where dw and dw_single put their sums.
template <typename Encode>
void set_weight_gradients(const KernelConfig& config, const BackwardParams& params, const TmaMatrices<Encode>& of,
                          TmaParams& maps) {
  const Problem& problem = config.problem;
  const int matrices = is_dw_of_both(problem.pass) ? 2 : 1;
  void* const wanted[2] = {params.dw_gate, params.dw_up};
  const long long pitches[2] = {params.ld_dw_gate, params.ld_dw_up};
  const long long part = weight_rows(problem) * params.ld_partials;
  for (int matrix = 0; matrix < matrices; ++matrix) {
    if (params.splits > 1) {
      maps.floats[matrix] = params.partials + matrix * part;
      maps.ld_floats[matrix] = params.ld_partials;
    } else if (problem.gradient == Gradient::f32) {
      maps.floats[matrix] = static_cast<float*>(wanted[matrix]);
      maps.ld_floats[matrix] = pitches[matrix];
    } else {
      maps.out[matrix] = of.output(of.weight(wanted[matrix], pitches[matrix]));
    }
  }
  maps.floats_split = matrices * part;
  maps.split_tokens = params.split_tokens;
  maps.splits = params.splits;
  maps.accumulate = params.splits == 1 ? params.accumulate : 0;
}

template <typename Encode>
TmaParams tma_params(const KernelConfig& config, const BackwardParams& params, Encode encode) {
  const TmaMatrices of(config, params.m, encode);
  const Pass pass = config.problem.pass;
  const MatrixView x = of.model(params.x, params.ld_x);
  const MatrixView w_gate = of.weight(params.w_gate, params.ld_w_gate);
  const MatrixView w_up = of.weight(params.w_up, params.ld_w_up);
  const MatrixView dg = of.intermediate(params.dg, params.ld_dg);
  const MatrixView du = of.intermediate(params.du, params.ld_dg);
  TmaParams maps{};
  maps.m = params.m;
  maps.splits = 1;
  if (has_gradients_ahead(pass)) {
    auto* const drawn = static_cast<unsigned long long*>(params.progress);
    maps.gradients = {{encode(of.intermediate(params.dout, params.ld_dout), ahead_box()),
                       encode(of.intermediate(params.g, params.ld_g), ahead_box()),
                       encode(of.intermediate(params.u, params.ld_u), ahead_box())},
                      params.dg,
                      params.du,
                      drawn,
                      reinterpret_cast<unsigned*>(drawn + kDrawnBytes / sizeof *drawn)};
  }
  if (is_dw(pass)) {
    maps.a[0] = of.a(x);
    maps.b[0] = of.b(dg);
    if (is_dw_of_both(pass)) {
      maps.b[1] = of.b(du);
    }
    set_weight_gradients(config, params, of, maps);
    return maps;
  }
  maps.b[0] = of.b(w_gate);
  maps.b[1] = of.b(w_up);
  if (is_dx(pass)) {
    maps.a[0] = of.a(dg);
    maps.a[1] = of.a(du);
    maps.out[0] = of.output(of.model(params.dx, params.ld_dx));
  } else {
    maps.a[0] = of.a(x);
    maps.dout = of.output(of.intermediate(params.dout, params.ld_dout));
    maps.out[0] = of.output(dg);
    maps.out[1] = of.output(du);
  }
  return maps;
}

}  // namespace swiglu
