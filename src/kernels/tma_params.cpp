#include "kernels/tma_params.h"

#include "cuda/tensor_map.h"

namespace swiglu {

TmaForwardParams tma_params(const KernelConfig& config, const ForwardParams& params) {
  const Problem& problem = config.problem;
  const bool kn = problem.layout == Layout::kn;
  const long long weight_rows = kn ? problem.d_model : problem.d_intermediate;
  const long long weight_columns = kn ? problem.d_intermediate : problem.d_model;
  const auto weight = [&](const void* base, long long pitch) {
    return encode_tensor_map({base, weight_rows, weight_columns, pitch}, weight_box(config));
  };
  const auto output = [&](void* base, long long pitch) {
    return encode_tensor_map({base, params.m, problem.d_intermediate, pitch}, output_box(config));
  };
  TmaForwardParams maps{};
  maps.x = encode_tensor_map({params.x, params.m, problem.d_model, params.ld_x}, x_box(config));
  maps.w_gate = weight(params.w_gate, params.ld_w_gate);
  maps.w_up = weight(params.w_up, params.ld_w_up);
  maps.out = output(params.out, params.ld_out);
  if (problem.pass == Pass::forward_store) {
    maps.g = output(params.g, params.ld_g);
    maps.u = output(params.u, params.ld_u);
  }
  maps.m = params.m;
  return maps;
}

}  // namespace swiglu
