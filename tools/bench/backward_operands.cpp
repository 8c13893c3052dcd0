// Buffers and their filling: see backward_operands.h.
#include "tools/bench/backward_operands.h"

#include <algorithm>

#include "tools/bench/results.h"
#include "tools/random_problem.h"

namespace swiglu::tool {
namespace {

constexpr std::size_t kVectorBytes = 16;

// Half of what Contender::dgate moves is read, half written.
std::size_t half_of_gate_bytes(const swiglu_plan_desc& desc, std::int64_t m) {
  const double moved = bytes({"", m, desc.d_model, desc.d_intermediate}, Contender::dgate);
  return static_cast<std::size_t>(moved) / 2 / kVectorBytes * kVectorBytes;
}

}  // namespace

BackwardOperands::BackwardOperands(const swiglu_plan_desc& desc, std::int64_t m, std::uint64_t seed, std::size_t set,
                                   std::size_t workspace_bytes, const DeviceCode& code, cudaStream_t stream)
    : desc_(desc),
      m_(m),
      workspace_bytes_(workspace_bytes),
      dout_(matrix_bytes(m, desc.d_intermediate)),
      dx_(matrix_bytes(m, desc.d_model)),
      dw_(matrix_bytes(2 * desc.d_intermediate, desc.d_model)),
      dgu_(std::max(matrix_bytes(m, 2 * desc.d_intermediate), half_of_gate_bytes(desc, m))),
      baseline_dx_(matrix_bytes(m, desc.d_model)),
      baseline_dw_(matrix_bytes(2 * desc.d_intermediate, desc.d_model)),
      copied_(std::max(half_of_gate_bytes(desc, m), kVectorBytes)),
      workspace_(std::max(workspace_bytes, kVectorBytes)) {
  const auto key = [&](std::uint64_t matrix) { return mix(mix(mix(seed)) ^ (2 * set + matrix)); };
  constexpr std::size_t kElementBytes = 2;
  code.fill_normal(dout_.get(), m * desc.d_intermediate, key(0), 1.0F, stream);
  code.fill_normal(dgu_.get(), static_cast<std::int64_t>(copy_bytes() / kElementBytes), key(1), 1.0F, stream);
  poison_ours(stream);
}

void BackwardOperands::poison_ours(cudaStream_t stream) const {
  poison(dx_, matrix_bytes(m_, desc_.d_model), stream);
  poison(dw_, matrix_bytes(2 * desc_.d_intermediate, desc_.d_model), stream);
  poison(workspace_, workspace_bytes_, stream);
}

void BackwardOperands::poison_baseline(cudaStream_t stream) const {
  poison(dgu_, matrix_bytes(m_, 2 * desc_.d_intermediate), stream);
  poison(baseline_dx_, matrix_bytes(m_, desc_.d_model), stream);
  poison(baseline_dw_, matrix_bytes(2 * desc_.d_intermediate, desc_.d_model), stream);
}

swiglu_backward_args BackwardOperands::args(const ForwardOperands& forward, const BackwardWish& wish) const {
  const swiglu_forward_args of_forward = forward.args();
  swiglu_backward_args args{};
  args.struct_size = sizeof args;
  args.m = m_;
  args.dout = dout_.get();
  args.x = of_forward.x;
  args.w_gate = of_forward.w_gate;
  args.w_up = of_forward.w_up;
  args.g = wish.recompute ? nullptr : of_forward.g;
  args.u = wish.recompute ? nullptr : of_forward.u;
  args.dx = wish.dx ? dx_.get() : nullptr;
  args.dw_gate = wish.dw ? dw_.get() : nullptr;
  args.dw_up = wish.dw && wish.dw_up ? up_half(desc_, dw_.get()) : nullptr;
  args.workspace = workspace_.get();
  args.workspace_size = workspace_bytes_;
  return args;
}

std::size_t BackwardOperands::copy_bytes() const { return half_of_gate_bytes(desc_, m_); }

}  // namespace swiglu::tool
