// Downloads and the CPU device: see forward_oracle.h.
#include "tools/bench/forward_oracle.h"

#include <numeric>

#include "tools/cuda_handles.h"

namespace swiglu::tool {
namespace {

constexpr std::size_t kElementBytes = sizeof(std::uint16_t);

// A matrix of `rows` rows of `columns` elements out of one with a pitch.
void download(std::vector<std::uint16_t>& values, const void* source, std::int64_t pitch, std::int64_t rows,
              std::int64_t columns) {
  const std::size_t width = static_cast<std::size_t>(columns) * kElementBytes;
  values.resize(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns));
  check_cuda(cudaMemcpy2D(values.data(), width, source, static_cast<std::size_t>(pitch) * kElementBytes, width,
                          static_cast<std::size_t>(rows), cudaMemcpyDeviceToHost),
             "cudaMemcpy2D to the host");
}

}  // namespace

std::vector<std::uint16_t> download_rows(const void* matrix, std::int64_t columns,
                                         const std::vector<std::int64_t>& rows) {
  const std::size_t width = static_cast<std::size_t>(columns);
  std::vector<std::uint16_t> values(rows.size() * width);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto* source = static_cast<const std::uint16_t*>(matrix) + rows[i] * columns;
    check_cuda(cudaMemcpy(values.data() + i * width, source, width * kElementBytes, cudaMemcpyDeviceToHost),
               "cudaMemcpy of a row");
  }
  return values;
}

std::vector<std::uint16_t> download_columns(const void* matrix, std::int64_t pitch, std::int64_t rows,
                                            const std::vector<std::int64_t>& columns) {
  std::vector<std::uint16_t> values;
  std::vector<std::uint16_t> one;
  for (const std::int64_t column : columns) {
    download(one, static_cast<const std::uint16_t*>(matrix) + column, pitch, rows, 1);
    values.insert(values.end(), one.begin(), one.end());
  }
  return values;
}

const RandomProblem& ForwardOracle::weights(const swiglu_plan_desc& desc, const ForwardOperands& operands) {
  const bool kn = desc.weight_layout == SWIGLU_KN;
  const std::int64_t w_rows = kn ? desc.d_model : desc.d_intermediate;
  const std::int64_t w_columns = kn ? desc.d_intermediate : desc.d_model;
  const std::int64_t w_pitch = kn ? 2 * desc.d_intermediate : desc.d_model;
  if (d_model_ != desc.d_model || d_intermediate_ != desc.d_intermediate) {
    d_model_ = 0;  // nothing is kept of a download that fails half way
    download(problem_.w_gate, operands.w_gate(), w_pitch, w_rows, w_columns);
    download(problem_.w_up, operands.w_up(), w_pitch, w_rows, w_columns);
    d_model_ = desc.d_model;
    d_intermediate_ = desc.d_intermediate;
  }
  return problem_;
}

Reference ForwardOracle::reference(const swiglu_plan_desc& desc, ForwardOperands& operands,
                                   const std::vector<std::int64_t>& rows) {
  weights(desc, operands);
  problem_.x = download_rows(operands.x().get(), desc.d_model, rows);
  swiglu_plan_desc dense = desc;
  dense.ld_w_gate = 0;
  dense.ld_w_up = 0;
  std::vector<std::int64_t> all(rows.size());
  std::iota(all.begin(), all.end(), 0);
  return compute_reference(dense, problem_, all);
}

}  // namespace swiglu::tool
