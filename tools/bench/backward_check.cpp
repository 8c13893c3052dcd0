// Checking the backward pass, a part of BackwardContest: see backward_contest.h.
//
// Of every call and every kernel of ours the whole of dx, dWg and dWu against the baseline's; of the call for all, and
// of the baseline, a few rows of dx and a few columns of the weights' gradients against float64, over g and u as swiglu
// stored them.
#include <algorithm>

#include "tools/bench/backward_contest.h"
#include "tools/bench/judge.h"
#include "tools/oracle.h"

namespace swiglu::tool {
namespace {

std::vector<double> widened(const std::vector<std::uint16_t>& values, swiglu_dtype dtype) {
  return gather(values, static_cast<std::int64_t>(values.size()), {0}, dtype);
}

// Of columns one after another, [m, columns].
std::vector<double> interleaved(const std::vector<double>& columns, std::int64_t m) {
  const auto rows = static_cast<std::size_t>(m);
  const std::size_t count = columns.size() / rows;
  std::vector<double> matrix(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    matrix[i % rows * count + i / rows] = columns[i];
  }
  return matrix;
}

}  // namespace

// F16 is promoted here.
swiglu_accum BackwardContest::dx_accum() const {
  return desc_.accum == SWIGLU_ACCUM_F16 ? SWIGLU_ACCUM_F16_PROMOTED : desc_.accum;
}

Json BackwardContest::check() {
  cudaStream_t stream = laboratory_.stream.get();
  Json report = {{"forward", forward_.check()}};
  make_references();
  const auto elements = static_cast<std::int64_t>(references_.dx.size());
  // Of few tokens a column's errors are those of as few roundings, however many elements share them.
  const auto dw_elements = static_cast<std::int64_t>(references_.columns.size()) * m_;
  set(0).poison_baseline(stream);
  enqueue(Contender::backward_first, 0, stream);
  laboratory_.stream.synchronize();
  report["baseline"] = {{"dx", check_dx("the baseline's dx against float64", set(0).baseline_dx().get(),
                                        unfused_limits(desc_.dtype, SWIGLU_ACCUM_F32, dx_terms(), elements))},
                        {"dw", check_dw("the baseline's dW against float64", set(0).baseline_dw().get(),
                                        unfused_limits(desc_.dtype, SWIGLU_ACCUM_F32, m_, dw_elements))}};
  report["backward"] = check_ours("from stored g and u", {});
  report["backward"]["dx_against_float64"] =
      check_dx("dx against float64", set(0).dx().get(), gradient_limits(desc_.dtype, dx_accum(), dx_terms(), elements));
  report["backward"]["dw_against_float64"] = check_dw("dW against float64", set(0).dw().get(),
                                                      gradient_limits(desc_.dtype, SWIGLU_ACCUM_F32, m_, dw_elements));
  report["dx_alone"] = check_ours("without dW", {.dw = false});
  report["dw_alone"] = check_ours("without dx", {.dx = false});
  report["recompute"] = check_ours("recomputing g and u", {.recompute = true});
  report["dgate_and_dx"] = check_kernels("by the kernels dgate and dx", Contender::dgate, Contender::dx, {.dw = false});
  report["recompute_and_dw"] =
      check_kernels("by the kernels recompute and dW", Contender::recompute, Contender::dw, {.dx = false});
  return report;
}

Json BackwardContest::check_ours(const char* what, const BackwardWish& wish) {
  cudaStream_t stream = laboratory_.stream.get();
  set(0).poison_ours(stream);
  execute(0, wish, stream);
  return check_whole(what, wish);
}

// That parts of executions are what they are taken for: one that makes dg and du, then one that finds them.
Json BackwardContest::check_kernels(const char* what, Contender first, Contender rest, const BackwardWish& wish) {
  cudaStream_t stream = laboratory_.stream.get();
  const auto replay_of = [&](Contender contender) {
    return Replay(
        laboratory_.stream, [this, contender](std::size_t set, cudaStream_t on) { enqueue(contender, set, on); }, 1, 1,
        part(contender));
  };
  const Replay makes = replay_of(first);
  const Replay finds = replay_of(rest);
  set(0).poison_ours(stream);
  makes.enqueue();
  finds.enqueue();
  return check_whole(what, wish);
}

Json BackwardContest::check_whole(const std::string& what, const BackwardWish& wish) {
  BackwardOperands& operands = set(0);
  const std::int64_t dw_rows = desc_.weight_layout == SWIGLU_KN ? desc_.d_model : 2 * desc_.d_intermediate;
  const std::int64_t dw_columns = desc_.weight_layout == SWIGLU_KN ? 2 * desc_.d_intermediate : desc_.d_model;
  Json report = Json::object();
  if (wish.dx) {
    report["dx"] = accept_whole(laboratory_, "dx " + what, {operands.dx().get(), desc_.d_model},
                                {operands.baseline_dx().get(), desc_.d_model}, m_, desc_.d_model,
                                unfused_limits(desc_.dtype, dx_accum(), dx_terms(), m_ * desc_.d_model));
  }
  if (wish.dw) {
    report["dw"] = accept_whole(laboratory_, "dWg and dWu " + what, {operands.dw().get(), dw_columns},
                                {operands.baseline_dw().get(), dw_columns}, dw_rows, dw_columns,
                                unfused_limits(desc_.dtype, SWIGLU_ACCUM_F32, m_, dw_rows * dw_columns));
  }
  return report;
}

void BackwardContest::check_again() {
  cudaStream_t stream = laboratory_.stream.get();
  forward_.check_again();
  set(0).poison_baseline(stream);
  enqueue(Contender::backward_best, 0, stream);
  check_whole("after timing, against the baseline's fastest algorithms", {});
}

Json BackwardContest::check_dx(const std::string& what, const void* dx, const Limits& limits) {
  return accept_lines(what, download_rows(dx, desc_.d_model, references_.rows), references_.dx, references_.rows,
                      desc_.dtype, limits);
}

Json BackwardContest::check_dw(const std::string& what, void* dw, const Limits& limits) {
  const auto half = [&](const char* name, const void* matrix, const std::vector<double>& expected) {
    const std::vector<std::uint16_t> actual =
        desc_.weight_layout == SWIGLU_KN
            ? download_columns(matrix, 2 * desc_.d_intermediate, desc_.d_model, references_.columns)
            : download_rows(matrix, desc_.d_model, references_.columns);
    return accept_lines(what + ", " + name, actual, expected, references_.columns, desc_.dtype, limits);
  };
  return {{"gate", half("gate", dw, references_.dw.gate)}, {"up", half("up", up_half(desc_, dw), references_.dw.up)}};
}

void BackwardContest::make_references() {
  const ForwardOperands& forward = forward_.set(0);
  const swiglu_forward_args stored = forward.args();
  const void* dout = set(0).dout().get();
  const std::int64_t n = desc_.d_intermediate;
  references_.rows = sample_rows(m_, kLinesAgainstFloat64);
  references_.columns = sample_rows(n, kLinesAgainstFloat64);
  const auto rows_of = [&](const void* matrix) {
    return widened(download_rows(matrix, n, references_.rows), desc_.dtype);
  };
  const auto columns_of = [&](const void* matrix) {
    return interleaved(widened(download_columns(matrix, n, m_, references_.columns), desc_.dtype), m_);
  };
  references_.dx =
      reference_dx(desc_, oracle_.weights(desc_, forward), {rows_of(dout), rows_of(stored.g), rows_of(stored.u)});
  std::vector<std::uint16_t> x(static_cast<std::size_t>(m_) * static_cast<std::size_t>(desc_.d_model));
  forward_.set(0).x().download(x);
  references_.dw = reference_dw(desc_, x, {columns_of(dout), columns_of(stored.g), columns_of(stored.u)});
}

}  // namespace swiglu::tool
