// Buffers and their filling: see forward_operands.h.
#include "tools/bench/forward_operands.h"

#include <cmath>

#include "tools/cuda_handles.h"
#include "tools/random_problem.h"

namespace swiglu::tool {
namespace {

constexpr std::size_t kElementBytes = 2;

}  // namespace

swiglu_plan_desc point_desc(const swiglu_plan_desc& kind, const BenchPoint& point) {
  swiglu_plan_desc desc = kind;
  desc.d_model = point.d_model;
  desc.d_intermediate = point.d_intermediate;
  desc.ld_w_gate = desc.weight_layout == SWIGLU_KN ? 2 * point.d_intermediate : 0;
  desc.ld_w_up = desc.ld_w_gate;
  if ((desc.passes & (SWIGLU_PASS_BACKWARD | SWIGLU_PASS_BACKWARD_RECOMPUTE)) != 0) {
    desc.ld_dw_gate = desc.ld_w_gate;
    desc.ld_dw_up = desc.ld_w_gate;
  }
  return desc;
}

std::size_t matrix_bytes(std::int64_t rows, std::int64_t columns) {
  constexpr std::size_t kRound = 16;
  const std::size_t bytes = static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns) * kElementBytes;
  return (bytes + kRound - 1) / kRound * kRound;
}

void poison(const DeviceBuffer& buffer, std::size_t bytes, cudaStream_t stream) {
  check_cuda(cudaMemsetAsync(buffer.get(), 0xff, bytes, stream), "cudaMemsetAsync");
}

void* up_half(const swiglu_plan_desc& desc, void* packed) {
  const std::int64_t elements =
      desc.weight_layout == SWIGLU_KN ? desc.d_intermediate : desc.d_intermediate * desc.d_model;
  return static_cast<char*>(packed) + static_cast<std::size_t>(elements) * kElementBytes;
}

ForwardOperands::ForwardOperands(const swiglu_plan_desc& desc, std::int64_t m, std::uint64_t seed, std::size_t set,
                                 const DeviceCode& code, cudaStream_t stream)
    : desc_(desc),
      m_(m),
      x_(matrix_bytes(m, desc.d_model)),
      w_(matrix_bytes(2 * desc.d_intermediate, desc.d_model)),
      gu_(matrix_bytes(m, 2 * desc.d_intermediate)),
      unfused_(matrix_bytes(m, desc.d_intermediate)),
      out_(matrix_bytes(m, desc.d_intermediate)) {
  if (stores_preactivations(desc)) {
    g_.emplace(matrix_bytes(m, desc.d_intermediate));
    u_.emplace(matrix_bytes(m, desc.d_intermediate));
  }
  const auto key = [&](std::uint64_t matrix) { return mix(mix(seed) ^ (2 * set + matrix)); };
  code.fill_normal(x_.get(), m * desc.d_model, key(0), 1.0F, stream);
  code.fill_normal(w_.get(), 2 * desc.d_intermediate * desc.d_model, key(1),
                   1.0F / std::sqrt(static_cast<float>(desc.d_model)), stream);
  poison(stream);
}

void ForwardOperands::poison(cudaStream_t stream) const {
  const std::size_t bytes = matrix_bytes(m_, desc_.d_intermediate);
  swiglu::tool::poison(gu_, matrix_bytes(m_, 2 * desc_.d_intermediate), stream);
  swiglu::tool::poison(unfused_, bytes, stream);
  swiglu::tool::poison(out_, bytes, stream);
  if (g_) {
    swiglu::tool::poison(*g_, bytes, stream);
    swiglu::tool::poison(*u_, bytes, stream);
  }
}

swiglu_forward_args ForwardOperands::args() const {
  swiglu_forward_args args{};
  args.struct_size = sizeof args;
  args.m = m_;
  args.x = x_.get();
  args.w_gate = w_gate();
  args.w_up = w_up();
  args.out = out_.get();
  args.g = g_ ? g_->get() : nullptr;
  args.u = u_ ? u_->get() : nullptr;
  return args;
}

std::size_t ForwardOperands::swiglu_bytes() const {
  return matrix_bytes(m_, desc_.d_model) + matrix_bytes(2 * desc_.d_intermediate, desc_.d_model) +
         (g_ ? 3 : 1) * matrix_bytes(m_, desc_.d_intermediate);
}

}  // namespace swiglu::tool
