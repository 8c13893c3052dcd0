// Enqueuing and checking the forward pass: see forward_contest.h.
#include "tools/bench/forward_contest.h"

#include <iterator>

#include "tools/bench/block_errors.h"
#include "tools/check.h"
#include "tools/cuda_handles.h"

namespace swiglu::tool {
namespace {

constexpr std::int64_t kRowsAgainstFloat64 = 4;  // first, last and two between; every element meets the baseline's

std::string in_words(const char* what, const Errors& errors, const Limits& limits) {
  const auto number = [](double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2e", value);
    return std::string(text);
  };
  return std::string(what) + ": error " + number(errors.whole) + " (limit " + number(limits.whole) +
         "), in the block of row " + std::to_string(errors.worst_row) + ", column " +
         std::to_string(errors.worst_column) + " " + number(errors.worst_block) + " (limit " + number(limits.block) +
         ")";
}

Json accept(const char* what, const Errors& errors, const Limits& limits) {
  if (!within(errors, limits)) {
    throw Failure("wrong result: " + in_words(what, errors, limits));
  }
  return {{"error", errors.whole}, {"worst_block_error", errors.worst_block}};
}

}  // namespace

ForwardContest::ForwardContest(const Laboratory& laboratory, ForwardOracle& oracle, const swiglu_plan_desc& desc,
                               swiglu_plan* plan, std::int64_t m, std::uint64_t seed)
    : laboratory_(laboratory),
      oracle_(oracle),
      desc_(desc),
      plan_(plan),
      m_(m),
      seed_(seed),
      gemm_(laboratory.cublaslt, {desc.dtype, desc.weight_layout, m, desc.d_model, desc.d_intermediate}) {
  swiglu::tool::check(swiglu_plan_workspace_size(plan, desc.passes, m, &workspace_bytes_));
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
    swiglu_forward_args args = operands.args();
    args.workspace = workspace_ ? workspace_->get() : nullptr;
    args.workspace_size = workspace_bytes_;
    swiglu::tool::check(swiglu_execute(plan_, &args, stream));
    return;
  }
  gemm_.enqueue(contender == Contender::best ? chosen_ : 0, operands.x().get(), operands.w().get(), operands.gu().get(),
                stream);
  if (contender == Contender::unfused) {
    laboratory_.code.activate(operands.gu().get(), operands.unfused().get(), m_, desc_.d_intermediate, stream);
  }
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
  laboratory_.code.activate(operands.gu().get(), operands.unfused().get(), m_, desc_.d_intermediate, stream);
  check_whole("after timing, against the baseline's fastest algorithm");
}

// A few rows of everything against float64.
Json ForwardContest::check_rows() {
  ForwardOperands& operands = set(0);
  const std::vector<std::int64_t> rows = sample_rows(m_, kRowsAgainstFloat64);
  const Reference reference = oracle_.reference(desc_, operands, rows);
  const auto elements = static_cast<std::int64_t>(reference.out.size());
  const Limits limits = error_limits(desc_.dtype, desc_.accum, desc_.d_model, elements);
  const auto check_matrix = [&](const char* what, const void* matrix, const std::vector<double>& expected,
                                const Limits& of_matrix) {
    std::vector<std::int64_t> all(rows.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i] = static_cast<std::int64_t>(i);
    }
    const std::vector<double> actual =
        gather(download_rows(matrix, desc_.d_intermediate, rows), desc_.d_intermediate, all, desc_.dtype);
    Errors errors = measure_errors(expected, actual, desc_.d_intermediate);
    errors.worst_row = rows[static_cast<std::size_t>(errors.worst_row)];
    return accept(what, errors, of_matrix);
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
  const std::string prefix = std::string(what) + ", ";
  const auto* gu = static_cast<const std::uint16_t*>(operands.gu().get());
  Json report = {{"out", compare((prefix + "out").c_str(), args.out, n, operands.unfused().get(), n)}};
  if (args.g != nullptr) {
    report["g"] = compare((prefix + "g").c_str(), args.g, n, gu, 2 * n);
    report["u"] = compare((prefix + "u").c_str(), args.u, n, gu + n, 2 * n);
  }
  return report;
}

Json ForwardContest::compare(const char* what, const void* actual, std::int64_t actual_pitch, const void* expected,
                             std::int64_t expected_pitch) {
  const std::int64_t n = desc_.d_intermediate;
  std::vector<BlockSums> sums(static_cast<std::size_t>(block_count(m_, n)));
  const DeviceBuffer on_device(sums.size() * sizeof(BlockSums));
  laboratory_.code.compare({actual, actual_pitch}, {expected, expected_pitch}, m_, n,
                           static_cast<BlockSums*>(on_device.get()), laboratory_.stream.get());
  laboratory_.stream.synchronize();
  check_cuda(cudaMemcpy(sums.data(), on_device.get(), sums.size() * sizeof(BlockSums), cudaMemcpyDeviceToHost),
             "cudaMemcpy of error sums");
  return accept(what, errors_of(sums, m_, n), unfused_limits(desc_.dtype, desc_.accum, desc_.d_model, m_ * n));
}

}  // namespace swiglu::tool
