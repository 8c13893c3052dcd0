#include "checks/backward.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "checks/maps.h"
#include "checks/problem_data.h"
#include "checks/twice.h"
#include "engine/launch.h"
#include "kernels/tma_params.h"

namespace swiglu::emulator {
namespace {

constexpr int kFloatBytes = 4;
constexpr unsigned long long kGarbage = 0x0102030405060708;  // what workspace holds before it is written

// A matrix in the emulator's memory, of 16-bit elements or of f32.
struct Matrix {
  unsigned char* base = nullptr;
  std::int64_t rows = 0;
  int columns = 0;
  long long ld = 0;
  int bytes = kElementBytes;  // of an element

  unsigned char* at(std::int64_t row, int column) const { return base + (row * ld + column) * bytes; }
};

// A small integer that depends on matrix, row and column.
double integer(int matrix, std::int64_t row, std::int64_t column, int largest) {
  auto bits = static_cast<std::uint64_t>(matrix) * 0x9e3779b97f4a7c15U + static_cast<std::uint64_t>(row) * 0x2545f491U +
              static_cast<std::uint64_t>(column) * 0x4f6cdd1dU;
  bits = (bits ^ (bits >> 29)) * 0xbf58476d1ce4e5b9U;
  return static_cast<double>((bits >> 40) % static_cast<std::uint64_t>(2 * largest + 1)) - largest;
}

class Run {
 public:
  Run(const BackwardCase& kernel, const BackwardExecution& execution)
      : kernel_(kernel), problem_(kernel.config.problem), execution_(execution) {
    const Pass pass = problem_.pass;
    const std::int64_t m = execution.m;
    const int model = problem_.d_model;
    const int intermediate = problem_.d_intermediate;
    if (pass == Pass::recompute || is_dw(pass)) {
      x_ = input("x", m, model, 0, 2, 1);
    }
    if (pass == Pass::recompute || is_dx(pass)) {
      const double unit = pass == Pass::recompute ? 1.0 / 16 : 1;
      w_gate_ = input("w_gate", weight_rows(problem_), weight_columns(problem_), 1, 2, unit);
      w_up_ = input("w_up", weight_rows(problem_), weight_columns(problem_), 2, 2, unit);
    }
    const bool beside = has_gradients_ahead(pass);
    if (pass == Pass::recompute || pass == Pass::dgate || beside) {
      const Role role = beside ? Role::in_place : Role::output;
      dout_ = input("dout", m, intermediate, 3, beside ? 1 : 3, 1);
      dg_ = workspace("dg", role, m, intermediate, kElementBytes);
      du_ = workspace("du", role, m, intermediate, kElementBytes);
    }
    if (pass == Pass::dgate) {
      g_ = input("g", m, intermediate, 4, 24, 0.25);
      u_ = input("u", m, intermediate, 5, 8, 0.5);
      if (m > 0) {  // by gates of either sign
        for (int i = 0; i < intermediate; ++i) {
          put(dout_, 0, i, std::numeric_limits<double>::infinity());
        }
      }
    }
    if (beside) {  // open gates, so that dg = dout u and du = dout g are small integers
      constexpr int kOpen = 18;
      g_ = input("g", m, intermediate, 4, 1, 1);
      u_ = input("u", m, intermediate, 5, 2, 1);
      for (std::int64_t row = 0; row < m; ++row) {
        for (int i = 0; i < intermediate; ++i) {
          put(g_, row, i, get(g_, row, i) + kOpen);
        }
      }
      progress_.assign(static_cast<std::size_t>(ceil_div(progress_bytes(problem_, m), 8)) + 1, kGarbage);
    }
    if (pass == Pass::dx || (is_dw(pass) && !beside)) {
      dg_ = workspace("dg", Role::input, m, intermediate, kElementBytes);
      fill(dg_, 6, 2, 1);
      if (pass != Pass::dw_single) {
        du_ = workspace("du", Role::input, m, intermediate, kElementBytes);
        fill(du_, 7, 2, 1);
      }
    }
    if (is_dx(pass)) {
      dx_ = matrix("dx", Role::output, m, model, kElementBytes, 8);
    }
    if (is_dw(pass) || pass == Pass::dw_sum) {
      make_gradients();
    }
  }

  BackwardOutcome operator()() {
    const KernelConfig& config = kernel_.config;
    LaunchShape shape;
    const bool split = is_dw(problem_.pass);
    const long long all = tiles(config, execution_.m) * (split ? execution_.splits : 1);
    const auto walkers = static_cast<unsigned>(execution_.blocks > 0 ? execution_.blocks : all);
    shape.grid = {walkers + static_cast<unsigned>(execution_.without_tiles), 1, 1};
    shape.block = {static_cast<unsigned>(threads(config)), 1, 1};
    shape.shared_bytes = static_cast<std::size_t>(shared_bytes(config));
    shape.reverse = execution_.reverse;
    shape.seed = execution_.seed;
    shape.log_banks = config.family == Family::mma_sm80 || config.family == Family::wgmma_sm90;
    shape.allow_uninitialised = config.family == Family::mma_sm80;  // fragments fetched after the last step
    const BackwardParams params = arguments();
    const bool with_maps = config.family == Family::wgmma_sm90;
    TmaParams maps = with_maps ? tma_params(config, params, encode_map) : TmaParams{};
    maps.walkers = walkers;
    if (kernel_.clear != nullptr) {
      LaunchShape before;
      before.grid = {static_cast<unsigned>(clear_blocks(problem_, execution_.m)), 1, 1};
      before.block = {kClearThreads, 1, 1};
      GlobalMemory none;
      const Report report = launch(before, none, [&] { kernel_.clear(maps); });
      if (!report.text().empty() || progress_.back() != kGarbage) {
        return {"clearing: " + report.text() + (progress_.back() != kGarbage ? " too much" : ""), report.counters};
      }
    }
    const Report report = launch(shape, global_, [&] {
      if (with_maps) {
        kernel_.run_with_maps(maps);
      } else {
        kernel_.run(params);
      }
    });
    BackwardOutcome outcome{report.text(), report.counters};
    if (outcome.errors.empty()) {
      outcome.errors = wrong_values();
    }
    return outcome;
  }

 private:
  int tokens_of_split() const {
    const std::int64_t even = ceil_div(execution_.m, std::max(1, execution_.splits));
    return static_cast<int>(ceil_div(even, kSplitTokens) * kSplitTokens);
  }

  BackwardParams arguments() {
    BackwardParams params{};
    params.dout = dout_.base;
    params.x = x_.base;
    params.w_gate = w_gate_.base;
    params.w_up = w_up_.base;
    params.g = g_.base;
    params.u = u_.base;
    params.dg = dg_.base;
    params.du = du_.base;
    params.dx = dx_.base;
    params.dw_gate = dw_[0].base;
    params.dw_up = dw_[1].base;
    params.m = execution_.m;
    params.ld_dout = dout_.ld;
    params.ld_x = x_.ld;
    params.ld_w_gate = w_gate_.ld;
    params.ld_w_up = w_up_.ld;
    params.ld_g = g_.ld;
    params.ld_u = u_.ld;
    params.ld_dg = dg_.ld;
    params.ld_dx = dx_.ld;
    params.ld_dw_gate = dw_[0].ld;
    params.ld_dw_up = dw_[1].ld;
    params.progress = progress_.data();
    params.partials = reinterpret_cast<float*>(partials_.base);
    params.ld_partials = partials_.ld;
    params.split_tokens = tokens_of_split();
    params.splits = execution_.splits;
    params.accumulate = execution_.accumulate ? 1 : 0;
    return params;
  }

  // Leading dimensions differ from matrix to matrix, so that none can be taken for another.
  Matrix matrix(const char* name, Role role, std::int64_t rows, int columns, int bytes, int number) {
    const int unit = std::max(1, problem_.access_bytes / bytes);
    const int padding = execution_.padding == 0 ? 0 : execution_.padding + number;
    return add(name, role, rows, columns, ceil_div(columns, unit) * unit + static_cast<long long>(padding) * unit,
               bytes, std::max(problem_.access_bytes, bytes));
  }
  // Rows of 16-byte multiples, as the plan lays them out.
  Matrix workspace(const char* name, Role role, std::int64_t rows, int columns, int bytes) {
    return add(name, role, rows, columns, ceil_div(columns, 8) * 8, bytes, 16);
  }
  Matrix add(const char* name, Role role, std::int64_t rows, int columns, long long ld, int bytes, int alignment) {
    const auto size = static_cast<std::size_t>(bytes);
    const BufferShape shape{name,
                            role,
                            static_cast<std::size_t>(rows),
                            static_cast<std::size_t>(columns) * size,
                            static_cast<std::size_t>(ld) * size,
                            static_cast<std::size_t>(alignment)};
    const bool by_tiles = role != Role::in_place || is_dw(problem_.pass);  // unlike dg and du of dgate_dx and dgate_dw
    return {global_.add(by_tiles ? with_rows_written_twice(shape, kernel_.config, execution_.m) : shape), rows, columns,
            ld, bytes};
  }

  Matrix input(const char* name, std::int64_t rows, int columns, int number, int largest, double unit) {
    const Matrix made = matrix(name, Role::input, rows, columns, kElementBytes, number);
    fill(made, number, largest, unit);
    return made;
  }

  void fill(const Matrix& to, int number, int largest, double unit) {
    for (std::int64_t row = 0; row < to.rows; ++row) {
      for (int column = 0; column < to.columns; ++column) {
        put(to, row, column, unit * integer(number, row, column, largest));
      }
    }
  }

  void put(const Matrix& to, std::int64_t row, int column, double value) const {
    if (to.bytes == kFloatBytes) {
      const auto element = static_cast<float>(value);
      std::memcpy(to.at(row, column), &element, sizeof element);
    } else {
      const std::uint16_t element = narrow(problem_.dtype, value);
      std::memcpy(to.at(row, column), &element, sizeof element);
    }
  }

  double get(const Matrix& from, std::int64_t row, int column) const {
    if (from.bytes == kFloatBytes) {
      float element = 0;
      std::memcpy(&element, from.at(row, column), sizeof element);
      return static_cast<double>(element);
    }
    std::uint16_t element = 0;
    std::memcpy(&element, from.at(row, column), sizeof element);
    return widen(problem_.dtype, element);
  }

  // What is wanted, and parts where there are any.
  void make_gradients() {
    const int rows = weight_rows(problem_);
    const int columns = weight_columns(problem_);
    const bool sum = problem_.pass == Pass::dw_sum;
    matrices_ = problem_.pass == Pass::dw_single || (sum && !execution_.both) ? 1 : 2;
    if (execution_.splits > (sum ? 0 : 1)) {
      partials_ = workspace("partials", sum ? Role::input : Role::output,
                            std::int64_t{execution_.splits} * matrices_ * rows, columns, kFloatBytes);
    }
    if (sum && execution_.splits > 0) {
      fill(partials_, 9, 500, 0.125);
    }
    if (sum || execution_.splits == 1) {
      const int bytes = gradient_bytes(problem_);
      const Role role = execution_.accumulate ? Role::in_place : Role::output;
      for (int half = 0; half < 2; ++half) {
        const bool wanted = sum && !execution_.both ? half == 1 : half < matrices_;
        if (wanted) {
          dw_[half] = matrix(half == 0 ? "dw_gate" : "dw_up", role, rows, columns, bytes, 10 + half);
          fill_if(execution_.accumulate, dw_[half], 12 + half);
        }
      }
    }
  }
  void fill_if(bool wanted, const Matrix& to, int number) {
    if (wanted) {
      fill(to, number, 100, 1);
    }
  }

  // W of the maths, at (d, i).
  double weight(const Matrix& w, int d, int i) const {
    return problem_.layout == Layout::kn ? get(w, d, i) : get(w, i, d);
  }

  std::string wrong_values() {
    switch (problem_.pass) {
      case Pass::recompute:
      case Pass::dgate:
        return wrong_gate_gradients();
      case Pass::dgate_dx:
      case Pass::dx:
        return wrong_gate_gradients() + wrong_products(dx_, "dx", 0, [&](std::int64_t row, int d) {
                 double sum = 0;
                 for (int i = 0; i < problem_.d_intermediate; ++i) {
                   sum += get(dg_, row, i) * weight(w_gate_, d, i) + get(du_, row, i) * weight(w_up_, d, i);
                 }
                 return sum;
               });
      case Pass::dgate_dw:
        return wrong_gate_gradients() + wrong_weight_gradients();
      default:
        return wrong_weight_gradients();
    }
  }

  std::string wrong_products(const Matrix& of, const char* name, std::int64_t first_row,
                             const std::function<double(std::int64_t, int)>& exact) const {
    const std::int64_t rows = first_row == 0 && of.base == dx_.base ? of.rows : weight_rows(problem_);
    for (std::int64_t row = 0; row < rows; ++row) {
      for (int column = 0; column < of.columns; ++column) {
        const double sum = exact(row, column);
        const double expected = of.bytes == kFloatBytes ? sum : widen(problem_.dtype, narrow(problem_.dtype, sum));
        const double got = get(of, first_row + row, column);
        if (!(got == expected)) {
          return fmt::format("{}[{}, {}] is {}, expected {}\n", name, row, column, got, expected);
        }
      }
    }
    return "";
  }

  std::string wrong_weight_gradients() {
    const bool kn = problem_.layout == Layout::kn;
    const auto product_over = [&](int matrix, std::int64_t row, int column, std::int64_t first, std::int64_t count) {
      const Matrix& gradient = matrix == 0 ? dg_ : du_;
      const int d = kn ? static_cast<int>(row) : column;
      const int i = kn ? column : static_cast<int>(row);
      double sum = 0;
      for (std::int64_t token = first; token < first + count; ++token) {
        sum += get(x_, token, d) * get(gradient, token, i);
      }
      return sum;
    };
    if (is_dw(problem_.pass) && execution_.splits > 1) {
      std::string wrong;
      for (int split = 0; split < execution_.splits && wrong.empty(); ++split) {
        const std::int64_t first = std::int64_t{split} * tokens_of_split();
        const std::int64_t count = std::min<std::int64_t>(tokens_of_split(), execution_.m - first);
        for (int half = 0; half < matrices_ && wrong.empty(); ++half) {
          wrong = wrong_products(
              partials_, "partials", std::int64_t{split * matrices_ + half} * weight_rows(problem_),
              [&](std::int64_t row, int column) { return product_over(half, row, column, first, count); });
        }
      }
      return wrong;
    }
    std::string wrong;
    for (int half = 0; half < 2 && wrong.empty(); ++half) {
      if (dw_[half].base == nullptr) {
        continue;
      }
      wrong = wrong_products(dw_[half], half == 0 ? "dw_gate" : "dw_up", 0, [&](std::int64_t row, int column) {
        double sum = execution_.accumulate ? integer(12 + half, row, column, 100) : 0;
        if (problem_.pass == Pass::dw_sum) {
          for (int split = 0; split < execution_.splits; ++split) {
            const int part = split * matrices_ + (matrices_ == 2 ? half : 0);
            sum += get(partials_, std::int64_t{part} * weight_rows(problem_) + row, column);
          }
        } else {
          sum += product_over(half, row, column, 0, execution_.m);
        }
        return sum;
      });
    }
    return wrong;
  }

  std::string wrong_gate_gradients() const {
    if (problem_.pass == Pass::dx) {
      return "";
    }
    for (std::int64_t row = 0; row < execution_.m; ++row) {
      for (int i = 0; i < problem_.d_intermediate; ++i) {
        double g = 0;
        double u = 0;
        if (problem_.pass != Pass::recompute) {
          g = get(g_, row, i);
          u = get(u_, row, i);
        } else {
          for (int d = 0; d < problem_.d_model; ++d) {
            g += get(x_, row, d) * weight(w_gate_, d, i);
            u += get(x_, row, d) * weight(w_up_, d, i);
          }
        }
        const double dout = get(dout_, row, i);
        const double s = 1 / (1 + std::exp(-g));
        const double dg = dout * u * (s + g * s * (1 - s));
        const double du = dout * g * s;
        const double half_unit = problem_.dtype == DType::bf16 ? 0x1p-8 : 0x1p-11;
        const double smallest = problem_.dtype == DType::bf16 ? 0x1p-133 : 0x1p-24;
        const double approximation = 0x1p-20 * (1 + std::abs(g)) * s;
        for (const auto& [name, of, expected, slack] :
             {std::tuple{"dg", dg_, dg, approximation * std::abs(dout * u)},
              std::tuple{"du", du_, du, approximation * std::abs(dout * g)}}) {
          const double got = get(of, row, i);
          const double error = std::abs(got - expected);
          const bool near =
              std::isfinite(expected) && error <= 1.001 * half_unit * std::abs(expected) + slack + smallest;
          if (!near && got != expected && !(std::isnan(got) && std::isnan(expected))) {
            return fmt::format("{}[{}, {}] is {}, expected {} (g {}, u {}, dout {})\n", name, row, i, got, expected, g,
                               u, dout);
          }
        }
      }
    }
    return "";
  }

  const BackwardCase& kernel_;
  Problem problem_;
  BackwardExecution execution_;
  GlobalMemory global_;
  std::vector<unsigned long long> progress_;  // no access of a kernel's is checked
  int matrices_ = 0;                          // of dWg and dWu
  Matrix dout_, x_, w_gate_, w_up_, g_, u_, dg_, du_, dx_, dw_[2], partials_;
};

}  // namespace

BackwardOutcome execute(const BackwardCase& kernel, const BackwardExecution& execution) {
  return Run(kernel, execution)();
}

}  // namespace swiglu::emulator
