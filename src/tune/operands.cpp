#include "tune/operands.h"

#include <algorithm>

#include "base/error.h"

namespace swiglu {
namespace {

constexpr std::size_t kMatrixAlignment = 256;
constexpr std::size_t kSpareBytes = std::size_t{256} << 20;  // of the device's memory, left to others

// With room to begin off the alignment.
std::size_t placed_bytes(const Matrix& matrix) {
  return (bytes_of(matrix) + kChunkBytes + kMatrixAlignment - 1) / kMatrixAlignment * kMatrixAlignment;
}

bool any(const Matrix&) { return true; }
bool is_output(const Matrix& matrix) { return matrix.is_output; }

std::size_t placed_bytes(const std::vector<Matrix>& matrices, bool (*wanted)(const Matrix&)) {
  std::size_t bytes = 0;
  for (const Matrix& matrix : matrices) {
    bytes += wanted(matrix) ? placed_bytes(matrix) : 0;
  }
  return bytes;
}

void place(const std::vector<Matrix>& matrices, bool (*wanted)(const Matrix&), const DeviceMemory& memory) {
  std::size_t at = 0;
  for (const Matrix& matrix : matrices) {
    if (wanted(matrix)) {
      const bool widest = matrix.row_bytes >= kChunkBytes;
      *matrix.pointer = memory.at(at + (widest ? 0 : static_cast<std::size_t>(matrix.row_bytes)));
      *matrix.ld = pitch_of(matrix);
      at += placed_bytes(matrix);
    }
  }
}

}  // namespace

std::size_t operand_bytes(const Problem& problem, std::int64_t m, int multiprocessors) {
  Arguments arguments = make_arguments(problem, m, multiprocessors);
  std::size_t bytes = 0;
  for (const Matrix& matrix : matrices_of(problem, arguments)) {
    bytes += bytes_of(matrix);
  }
  return bytes;
}

Outputs make_outputs(const Problem& problem, const Arguments& arguments) {
  Outputs outputs{{}, arguments};
  const std::vector<Matrix> matrices = matrices_of(problem, outputs.arguments);
  outputs.memory = DeviceMemory(placed_bytes(matrices, is_output));
  place(matrices, is_output, outputs.memory);
  return outputs;
}

Operands::Operands(const Problem& problem, std::int64_t m, int multiprocessors, std::size_t sets,
                   const TrialKernels& kernels, const WorkStream& stream) {
  Arguments arguments = make_arguments(problem, m, multiprocessors);
  const std::vector<Matrix> matrices = matrices_of(problem, arguments);
  const std::size_t bytes = std::max<std::size_t>(placed_bytes(matrices, any), 1);
  const std::size_t free = memory_info().free;
  const std::size_t affordable = free > kSpareBytes ? (free - kSpareBytes) / bytes : 0;
  const std::size_t wanted = std::clamp<std::size_t>(affordable, 1, std::max<std::size_t>(sets, 1));
  unsigned long long seed = 0;
  for (std::size_t i = 0; i < wanted; ++i) {
    try {
      memory_.emplace_back(bytes);
    } catch (const Error& error) {
      if (error.status() != SWIGLU_OUT_OF_MEMORY || i == 0) {
        throw;
      }
      break;
    }
    place(matrices, any, memory_.back());
    for (const Matrix& matrix : matrices) {
      if (!matrix.is_output) {
        kernels.fill(
            {*matrix.pointer, matrix.rows * *matrix.ld, ++seed, static_cast<float>(matrix.deviation), matrix.type},
            stream.get());
      }
    }
    arguments_.push_back(arguments);
  }
  stream.synchronize();
}

}  // namespace swiglu
