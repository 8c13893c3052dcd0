// Enqueuing and checking the forward pass: see forward_contest.h.
#include "tools/bench/forward_contest.h"

#include <iterator>

#include "tools/bench/judge.h"
#include "tools/cuda_handles.h"

namespace swiglu::tool {

ForwardContest::ForwardContest(const Laboratory& laboratory, ForwardOracle& oracle, const swiglu_plan_desc& desc,
                               swiglu_plan* plan, std::int64_t m, std::uint64_t seed)
    : laboratory_(laboratory),
      oracle_(oracle),
      desc_(desc),
      plan_(plan),
      m_(m),
      seed_(seed),
      gemm_(laboratory.cublaslt, desc.dtype, forward_gemm(desc, m)) {
  const std::uint32_t pass =
      stores_preactivations(desc) ? std::uint32_t{SWIGLU_PASS_FORWARD_STORE} : std::uint32_t{SWIGLU_PASS_FORWARD};
  swiglu::tool::check(swiglu_plan_workspace_size(plan, pass, m, &workspace_bytes_));
  if (workspace_bytes_ != 0) {
    workspace_ = std::make_unique<DeviceBuffer>(workspace_bytes_);
  }
  make_sets(1);
}

ForwardOperands& ForwardContest::set(std::size_t index) {
  return *std::next(sets_.begin(), static_cast<std::ptrdiff_t>(index));
}

void ForwardContest::make_sets(std::size_t count) {
  while (sets_.size() < count) {
    sets_.emplace_back(desc_, m_, seed_, sets_.size(), laboratory_.code, laboratory_.stream.get());
  }
}

void ForwardContest::enqueue(Contender contender, std::size_t set_index, cudaStream_t stream) {
  ForwardOperands& operands = set(set_index);
  if (contender == Contender::swiglu) {
    execute(set_index, stores_preactivations(desc_), stream);
    return;
  }
  gemm_.enqueue(contender == Contender::best ? chosen_ : 0, operands.x().get(), operands.w().get(), operands.gu().get(),
                stream);
  if (contender == Contender::unfused) {
    activate(set_index, stream);
  }
}

void ForwardContest::execute(std::size_t set_index, bool store, cudaStream_t stream) {
  swiglu_forward_args args = set(set_index).args();
  if (!store) {
    args.g = nullptr;
    args.u = nullptr;
  }
  args.workspace = workspace_ ? workspace_->get() : nullptr;
  args.workspace_size = workspace_bytes_;
  swiglu::tool::check(swiglu_execute(plan_, &args, stream));
}

void ForwardContest::activate(std::size_t set_index, cudaStream_t stream) {
  ForwardOperands& operands = set(set_index);
  laboratory_.code.activate(operands.gu().get(), operands.unfused().get(), m_, desc_.d_intermediate, stream);
}

Json ForwardContest::check() {
  cudaStream_t stream = laboratory_.stream.get();
  set(0).poison(stream);
  enqueue(Contender::unfused, 0, stream);
  enqueue(Contender::swiglu, 0, stream);
  laboratory_.stream.synchronize();
  return {{"against_float64", check_rows()}, {"against_baseline", check_whole("before timing")}};
}

void ForwardContest::check_again() {
  cudaStream_t stream = laboratory_.stream.get();
  ForwardOperands& operands = set(0);
  const std::size_t elements = static_cast<std::size_t>(m_) * static_cast<std::size_t>(desc_.d_intermediate);
  check_cuda(cudaMemsetAsync(operands.gu().get(), 0xff, 4 * elements, stream), "cudaMemsetAsync");
  enqueue(Contender::best, 0, stream);
  activate(0, stream);
  check_whole("after timing, against the baseline's fastest algorithm");
}

// A few rows of everything against float64.
Json ForwardContest::check_rows() {
  ForwardOperands& operands = set(0);
  const std::vector<std::int64_t> rows = sample_rows(m_, kLinesAgainstFloat64);
  const Reference reference = oracle_.reference(desc_, operands, rows);
  const auto elements = static_cast<std::int64_t>(reference.out.size());
  const Limits limits = error_limits(desc_.dtype, desc_.accum, desc_.d_model, elements);
  const auto check_matrix = [&](const char* what, const void* matrix, const std::vector<double>& expected,
                                const Limits& of_matrix) {
    return accept_lines(what, download_rows(matrix, desc_.d_intermediate, rows), expected, rows, desc_.dtype,
                        of_matrix);
  };
  const swiglu_forward_args args = operands.args();
  Json report = {{"rows", rows}, {"limit", limits.whole}, {"block_limit", limits.block}};
  report["unfused"] =
      check_matrix("the baseline and its activation against float64", operands.unfused().get(), reference.out,
                   unfused_limits(desc_.dtype, SWIGLU_ACCUM_F32, desc_.d_model, elements));
  report["out"] = check_matrix("out against float64", args.out, reference.out, limits);
  if (args.g != nullptr) {
    report["g"] = check_matrix("g against float64", args.g, reference.g, limits);
    report["u"] = check_matrix("u against float64", args.u, reference.u, limits);
  }
  return report;
}

// Every element of everything against the baseline's, as it stands in set 0.
Json ForwardContest::check_whole(const char* what) {
  ForwardOperands& operands = set(0);
  const swiglu_forward_args args = operands.args();
  const std::int64_t n = desc_.d_intermediate;
  const Limits limits = unfused_limits(desc_.dtype, desc_.accum, desc_.d_model, m_ * n);
  const auto compare = [&](const char* matrix, const void* actual, const void* expected, std::int64_t pitch) {
    return accept_whole(laboratory_, std::string(what) + ", " + matrix, {actual, n}, {expected, pitch}, m_, n, limits);
  };
  const auto* gu = static_cast<const std::uint16_t*>(operands.gu().get());
  Json report = {{"out", compare("out", args.out, operands.unfused().get(), n)}};
  if (args.g != nullptr) {
    report["g"] = compare("g", args.g, gu, 2 * n);
    report["u"] = compare("u", args.u, gu + n, 2 * n);
  }
  return report;
}

}  // namespace swiglu::tool
