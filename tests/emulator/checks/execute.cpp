#include "checks/execute.h"

#include <cstring>
#include <functional>

#include "checks/maps.h"
#include "checks/reference.h"
#include "checks/twice.h"
#include "engine/launch.h"
#include "kernels/tma_params.h"

namespace swiglu::emulator {
namespace {

using Element = std::function<std::uint16_t(std::int64_t, int)>;

struct Matrix {
  unsigned char* base;
  std::int64_t rows;
  int columns;
  long long ld;  // elements
};

// The matrices of a problem in the emulator's memory, aligned to access_bytes and no more.
class Operands {
 public:
  Operands(const KernelConfig& config, const Execution& execution) : config_(config), execution_(execution) {
    const bool rows_are_k = config_.problem.layout == Layout::kn;
    const int weight_rows = rows_are_k ? config_.problem.d_model : config_.problem.d_intermediate;
    const int weight_columns = rows_are_k ? config_.problem.d_intermediate : config_.problem.d_model;
    x_ = add("x", Role::input, execution.m, config_.problem.d_model, 0);
    gate_ = add("w_gate", Role::input, weight_rows, weight_columns, 1);
    up_ = add("w_up", Role::input, weight_rows, weight_columns, 2);
    out_ = add("out", Role::output, execution.m, config_.problem.d_intermediate, 3);
    if (config_.problem.pass == Pass::forward_store) {
      g_ = add("g", Role::output, execution.m, config_.problem.d_intermediate, 4);
      u_ = add("u", Role::output, execution.m, config_.problem.d_intermediate, 5);
    }
    const ProblemData data{config_.problem, execution.fill};
    fill(x_, [&](std::int64_t row, int k) { return data.x(row, k); });
    fill(gate_, [&](std::int64_t r, int c) {
      return rows_are_k ? data.gate(static_cast<int>(r), c) : data.gate(c, static_cast<int>(r));
    });
    fill(up_, [&](std::int64_t r, int c) {
      return rows_are_k ? data.up(static_cast<int>(r), c) : data.up(c, static_cast<int>(r));
    });
  }

  ForwardParams params() const {
    return {x_.base, gate_.base, up_.base, out_.base, g_.base, u_.base, execution_.m,
            x_.ld,   gate_.ld,   up_.ld,   out_.ld,   g_.ld,   u_.ld};
  }

  static std::vector<std::uint16_t> contents(const Matrix& matrix) {
    std::vector<std::uint16_t> values;
    for (std::int64_t row = 0; matrix.base != nullptr && row < matrix.rows; ++row) {
      for (int column = 0; column < matrix.columns; ++column) {
        std::uint16_t bits;
        std::memcpy(&bits, matrix.base + (row * matrix.ld + column) * kElementBytes, sizeof(bits));
        values.push_back(bits);
      }
    }
    return values;
  }

  GlobalMemory& global() { return global_; }
  const Matrix& out() const { return out_; }
  const Matrix& g() const { return g_; }
  const Matrix& u() const { return u_; }

 private:
  // Leading dimensions differ from tensor to tensor, so that none can be taken for another.
  Matrix add(const char* name, Role role, std::int64_t rows, int columns, int number) {
    const int unit = config_.problem.access_bytes / kElementBytes;
    const int padding = execution_.padding == 0 ? 0 : execution_.padding + number;
    const long long ld = ceil_div(columns, unit) * unit + static_cast<long long>(padding) * unit;
    const BufferShape shape{name,
                            role,
                            static_cast<std::size_t>(rows),
                            static_cast<std::size_t>(columns) * kElementBytes,
                            static_cast<std::size_t>(ld) * kElementBytes,
                            static_cast<std::size_t>(config_.problem.access_bytes)};
    return {global_.add(with_rows_written_twice(shape, config_, execution_.m)), rows, columns, ld};
  }

  static void fill(const Matrix& matrix, const Element& element) {
    for (std::int64_t row = 0; row < matrix.rows; ++row) {
      for (int column = 0; column < matrix.columns; ++column) {
        const std::uint16_t bits = element(row, column);
        std::memcpy(matrix.base + (row * matrix.ld + column) * kElementBytes, &bits, sizeof(bits));
      }
    }
  }

  KernelConfig config_;
  Execution execution_;
  GlobalMemory global_;
  Matrix x_{};
  Matrix gate_{};
  Matrix up_{};
  Matrix out_{};
  Matrix g_{};
  Matrix u_{};
};

}  // namespace

Outcome execute(const KernelCase& kernel, const Execution& execution) {
  const KernelConfig& config = kernel.config;
  Operands operands(config, execution);
  LaunchShape shape;
  shape.grid = {static_cast<unsigned>(execution.blocks > 0 ? execution.blocks : tiles(config, execution.m)), 1, 1};
  shape.block = {static_cast<unsigned>(threads(config)), 1, 1};
  shape.shared_bytes = static_cast<std::size_t>(shared_bytes(config));
  shape.reverse = execution.reverse;
  shape.seed = execution.seed;
  shape.log_banks = config.family != Family::simt;
  // mma_sm80 fetches fragments one step ahead, after the last step too.
  shape.allow_uninitialised = config.family == Family::mma_sm80;
  const bool with_maps = config.family == Family::wgmma_sm90;
  const ForwardParams params = operands.params();
  const TmaParams maps = with_maps ? tma_params(config, params, encode_map) : TmaParams{};
  const Report report = launch(shape, operands.global(), [&] {
    if (with_maps) {
      kernel.run_with_maps(maps);
    } else {
      kernel.run(params);
    }
  });

  Outcome outcome;
  outcome.errors = report.text();
  outcome.counters = report.counters;
  outcome.out = Operands::contents(operands.out());
  outcome.g = Operands::contents(operands.g());
  outcome.u = Operands::contents(operands.u());
  const Reference expected = reference({config.problem, execution.fill}, execution.m);
  outcome.errors += error_against(config, "out", expected.out, outcome.out);
  if (config.problem.pass == Pass::forward_store) {
    outcome.errors += error_against(config, "g", expected.g, outcome.g);
    outcome.errors += error_against(config, "u", expected.u, outcome.u);
  }
  return outcome;
}

}  // namespace swiglu::emulator
