// Enqueuing the backward pass: see backward_contest.h. Its checks are in backward_check.cpp.
#include "tools/bench/backward_contest.h"

#include <algorithm>
#include <iterator>

namespace swiglu::tool {

BackwardContest::BackwardContest(const Laboratory& laboratory, ForwardOracle& oracle, const swiglu_plan_desc& desc,
                                 swiglu_plan* plan, std::int64_t m, std::uint64_t seed)
    : laboratory_(laboratory),
      oracle_(oracle),
      desc_(desc),
      plan_(plan),
      m_(m),
      seed_(seed),
      forward_(laboratory, oracle, desc, plan, m, seed),
      dx_gemm_(laboratory.cublaslt, desc.dtype, swiglu::tool::dx_gemm(desc, m)),
      dw_gemm_(laboratory.cublaslt, desc.dtype, swiglu::tool::dw_gemm(desc, m)) {
  for (const std::uint32_t pass : {SWIGLU_PASS_BACKWARD, SWIGLU_PASS_BACKWARD_RECOMPUTE}) {
    std::size_t wanted = 0;
    swiglu::tool::check(swiglu_plan_workspace_size(plan, pass, m, &wanted));
    workspace_bytes_ = std::max(workspace_bytes_, wanted);
  }
  make_sets(1);
}

BackwardOperands& BackwardContest::set(std::size_t index) {
  return *std::next(sets_.begin(), static_cast<std::ptrdiff_t>(index));
}

// A new set has g and u, ours and the baseline's, and dg and du.
void BackwardContest::make_sets(std::size_t count) {
  cudaStream_t stream = laboratory_.stream.get();
  forward_.make_sets(count);
  while (sets_.size() < count) {
    const std::size_t index = sets_.size();
    sets_.emplace_back(desc_, m_, seed_, index, workspace_bytes_, laboratory_.code, stream);
    forward_.enqueue(Contender::swiglu, index, stream);
    forward_.enqueue(Contender::first, index, stream);
    elementwise(index, stream);
  }
}

void BackwardContest::enqueue(Contender contender, std::size_t set_index, cudaStream_t stream) {
  switch (contender) {
    case Contender::swiglu:
    case Contender::first:
    case Contender::best:
    case Contender::unfused:
      return forward_.enqueue(contender, set_index, stream);
    case Contender::backward:
      return execute(set_index, {}, stream);
    case Contender::backward_recompute:
      return execute(set_index, {.recompute = true}, stream);
    case Contender::backward_dx:
      return execute(set_index, {.dw = false}, stream);
    case Contender::dx:  // kernels of their own behind the recomputation
    case Contender::recompute:
      return execute(set_index, {.recompute = true, .dw = false}, stream);
    case Contender::dw:
      return execute(set_index, {.recompute = true, .dx = false}, stream);
    case Contender::dgate:  // a kernel of its own where dWg alone is wanted
      return execute(set_index, {.dx = false, .dw_up = false}, stream);
    case Contender::backward_dw:
      return execute(set_index, {.dx = false}, stream);
    case Contender::dx_first:
    case Contender::dx_best:
      return dx_gemm(set_index, contender == Contender::dx_best ? chosen_dx_ : 0, stream);
    case Contender::dw_first:
    case Contender::dw_best:
      return dw_gemm(set_index, contender == Contender::dw_best ? chosen_dw_ : 0, stream);
    case Contender::elementwise:
      return elementwise(set_index, stream);
    case Contender::copy: {
      BackwardOperands& operands = set(set_index);
      return laboratory_.code.copy(operands.dgu().get(), operands.copied().get(), operands.copy_bytes(), stream);
    }
    case Contender::backward_first:
    case Contender::backward_best:
      return baseline(set_index, contender == Contender::backward_best, stream);
    case Contender::both_stored:
      forward_.execute(set_index, true, stream);
      return execute(set_index, {}, stream);
    case Contender::both_recomputed:
      forward_.execute(set_index, false, stream);
      return execute(set_index, {.recompute = true}, stream);
    case Contender::both_first:
    case Contender::both_best:
      forward_.enqueue(contender == Contender::both_best ? Contender::best : Contender::first, set_index, stream);
      forward_.activate(set_index, stream);
      return baseline(set_index, contender == Contender::both_best, stream);
  }
}

Part BackwardContest::part(Contender contender) const {
  switch (contender) {
    case Contender::dgate:
    case Contender::recompute:
      return Part::first;
    case Contender::dx:
    case Contender::dw:
      return Part::rest;
    default:
      return Part::whole;
  }
}

void BackwardContest::execute(std::size_t set_index, const BackwardWish& wish, cudaStream_t stream) {
  const swiglu_backward_args args = set(set_index).args(forward_.set(set_index), wish);
  swiglu::tool::check(swiglu_execute_backward(plan_, &args, stream));
}

void BackwardContest::dx_gemm(std::size_t set_index, int algorithm, cudaStream_t stream) {
  BackwardOperands& operands = set(set_index);
  dx_gemm_.enqueue(algorithm, operands.dgu().get(), forward_.set(set_index).w().get(), operands.baseline_dx().get(),
                   stream);
}

void BackwardContest::dw_gemm(std::size_t set_index, int algorithm, cudaStream_t stream) {
  BackwardOperands& operands = set(set_index);
  const void* x = forward_.set(set_index).x().get();
  const void* dgu = operands.dgu().get();
  const bool kn = desc_.weight_layout == SWIGLU_KN;
  dw_gemm_.enqueue(algorithm, kn ? x : dgu, kn ? dgu : x, operands.baseline_dw().get(), stream);
}

void BackwardContest::elementwise(std::size_t set_index, cudaStream_t stream) {
  BackwardOperands& operands = set(set_index);
  laboratory_.code.gradients(operands.dout().get(), forward_.set(set_index).gu().get(), operands.dgu().get(), m_,
                             desc_.d_intermediate, stream);
}

void BackwardContest::baseline(std::size_t set_index, bool best, cudaStream_t stream) {
  elementwise(set_index, stream);
  dx_gemm(set_index, best ? chosen_dx_ : 0, stream);
  dw_gemm(set_index, best ? chosen_dw_ : 0, stream);
}

// What is read or written once, whatever it is made of: at least the operands of the smallest kernel in it.
std::size_t BackwardContest::bytes(Contender contender) const {
  const std::size_t tokens = matrix_bytes(m_, desc_.d_intermediate);
  const std::size_t weights = matrix_bytes(2 * desc_.d_intermediate, desc_.d_model);
  const std::size_t x = matrix_bytes(m_, desc_.d_model);
  const auto moved = static_cast<std::size_t>(matrices(contender));
  return moved != 0 ? moved * tokens : 2 * tokens + weights + x;
}

int BackwardContest::algorithms(Contender gemm) const {
  return gemm == Contender::dx_best   ? dx_gemm_.algorithms()
         : gemm == Contender::dw_best ? dw_gemm_.algorithms()
                                      : forward_.algorithms(gemm);
}

void BackwardContest::choose(Contender gemm, int algorithm) {
  if (gemm == Contender::dx_best) {
    chosen_dx_ = algorithm;
  } else if (gemm == Contender::dw_best) {
    chosen_dw_ = algorithm;
  } else {
    forward_.choose(gemm, algorithm);
  }
}

}  // namespace swiglu::tool
