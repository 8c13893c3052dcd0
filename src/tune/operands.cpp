#include "tune/operands.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace swiglu {
namespace {

constexpr std::size_t kMatrixAlignment = 256;
constexpr std::size_t kSpareBytes = std::size_t{256} << 20;  // of the device's memory, left to others

std::size_t padded(std::size_t bytes) { return (bytes + kMatrixAlignment - 1) / kMatrixAlignment * kMatrixAlignment; }

struct Extents {
  std::int64_t weight_rows;
  std::int64_t ld_x;
  std::int64_t ld_weight;
  std::int64_t ld_out;
  int outputs;
};

Extents extents_of(const Problem& problem) {
  const bool kn = problem.layout == Layout::kn;
  return {kn ? problem.d_model : problem.d_intermediate, aligned_pitch(problem, problem.d_model),
          aligned_pitch(problem, kn ? problem.d_intermediate : problem.d_model),
          aligned_pitch(problem, problem.d_intermediate), problem.pass == Pass::forward_store ? 3 : 1};
}

std::size_t matrix_bytes(std::int64_t rows, std::int64_t ld) {
  return static_cast<std::size_t>(rows) * static_cast<std::size_t>(ld) * kElementBytes;
}

std::size_t set_bytes(const Problem& problem, std::int64_t m) {
  const Extents extents = extents_of(problem);
  const auto with_offset = [&](std::size_t bytes) { return padded(bytes + kChunkBytes); };
  return with_offset(matrix_bytes(m, extents.ld_x)) +
         2 * with_offset(matrix_bytes(extents.weight_rows, extents.ld_weight)) +
         static_cast<std::size_t>(extents.outputs) * with_offset(matrix_bytes(m, extents.ld_out));
}

}  // namespace

std::int64_t aligned_pitch(const Problem& problem, std::int64_t row_length) {
  const std::int64_t elements = problem.access_bytes / kElementBytes;
  return (row_length + elements - 1) / elements * elements;
}

std::size_t operand_bytes(const Problem& problem, std::int64_t m) {
  const Extents extents = extents_of(problem);
  return matrix_bytes(m, extents.ld_x) + 2 * matrix_bytes(extents.weight_rows, extents.ld_weight) +
         static_cast<std::size_t>(extents.outputs) * matrix_bytes(m, extents.ld_out);
}

Operands::Operands(const Problem& problem, std::int64_t m, std::size_t sets, const TrialKernels& kernels,
                   const WorkStream& stream) {
  const std::size_t bytes = set_bytes(problem, m);
  const std::size_t free = memory_info().free;
  const std::size_t affordable = free > kSpareBytes ? (free - kSpareBytes) / bytes : 0;
  const std::size_t wanted = std::clamp<std::size_t>(affordable, 1, std::max<std::size_t>(sets, 1));
  for (std::size_t i = 0; i < wanted; ++i) {
    try {
      memory_.emplace_back(bytes);
    } catch (const Error& error) {
      if (error.status() != SWIGLU_OUT_OF_MEMORY || i == 0) {
        throw;
      }
      break;
    }
    params_.push_back(place(problem, m, memory_.back()));
    const ForwardParams& params = params_.back();
    const Extents extents = extents_of(problem);
    unsigned long long seed = 3 * i;
    const auto fill = [&](const void* matrix, std::int64_t rows, std::int64_t ld, double deviation) {
      kernels.fill(
          {const_cast<void*>(matrix), rows * ld, ++seed, static_cast<float>(deviation), problem.dtype == DType::f16},
          stream.get());
    };
    fill(params.x, m, extents.ld_x, 1);
    const double deviation = 1 / std::sqrt(static_cast<double>(problem.d_model));
    fill(params.w_gate, extents.weight_rows, extents.ld_weight, deviation);
    fill(params.w_up, extents.weight_rows, extents.ld_weight, deviation);
  }
  stream.synchronize();
}

ForwardParams Operands::place(const Problem& problem, std::int64_t m, const DeviceMemory& memory) const {
  const Extents extents = extents_of(problem);
  const std::size_t offset = problem.access_bytes < kChunkBytes ? static_cast<std::size_t>(problem.access_bytes) : 0;
  std::size_t at = 0;
  const auto take = [&](std::int64_t rows, std::int64_t ld) {
    void* matrix = memory.at(at + offset);
    at += padded(matrix_bytes(rows, ld) + kChunkBytes);
    return matrix;
  };
  ForwardParams params{};
  params.x = take(m, extents.ld_x);
  params.w_gate = take(extents.weight_rows, extents.ld_weight);
  params.w_up = take(extents.weight_rows, extents.ld_weight);
  params.out = take(m, extents.ld_out);
  if (extents.outputs == 3) {
    params.g = take(m, extents.ld_out);
    params.u = take(m, extents.ld_out);
  }
  params.m = m;
  params.ld_x = extents.ld_x;
  params.ld_w_gate = params.ld_w_up = extents.ld_weight;
  params.ld_out = params.ld_g = params.ld_u = extents.ld_out;
  return params;
}

}  // namespace swiglu
