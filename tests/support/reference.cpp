#include "support/reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "support/number_format.h"
#include "support/plan.h"
#include "support/random.h"

namespace swiglu_test {
namespace {

constexpr std::int64_t kThreadedElements = 1 << 20;

// x's chosen rows without padding: [rows, d_model] of 16-bit elements.
std::vector<std::uint16_t> gather_rows(const Operands& operands, const std::vector<std::int64_t>& rows) {
  const auto row_elements = static_cast<std::size_t>(operands.d_model);
  std::vector<std::uint16_t> gathered(rows.size() * row_elements);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(gathered.data() + i * row_elements,
                operands.x.matrix->host(operands.x.row + rows[i], operands.x.column),
                row_elements * sizeof(std::uint16_t));
  }
  return gathered;
}

double square_if_finite(double value) { return std::isfinite(value) ? value * value : 0.0; }

std::vector<double> row_norms(const std::vector<std::uint16_t>& x, const Operands& operands) {
  const float* values = decode_table(operands.dtype);
  const auto columns = static_cast<std::size_t>(operands.d_model);
  std::vector<double> norms(x.size() / columns);
  for (std::size_t i = 0; i < x.size(); ++i) {
    norms[i / columns] += square_if_finite(values[x[i]]);
  }
  std::transform(norms.begin(), norms.end(), norms.begin(), [](double sum) { return std::sqrt(sum); });
  return norms;
}

std::vector<double> weight_norms(const MatrixView& weights, const Operands& operands) {
  const float* values = decode_table(operands.dtype);
  std::vector<double> norms(static_cast<std::size_t>(operands.d_intermediate));
  const auto load = [&](std::int64_t row, std::int64_t column) {
    std::uint16_t bits;
    std::memcpy(&bits, weights.matrix->host(weights.row + row, weights.column + column), sizeof bits);
    return square_if_finite(values[bits]);
  };
  const int threads = operands.d_model * operands.d_intermediate < kThreadedElements ? 1 : 0;
  parallel_for(operands.d_intermediate, threads, [&](std::int64_t begin, std::int64_t end) {
    if (operands.layout == SWIGLU_KN) {
      for (std::int64_t k = 0; k < operands.d_model; ++k) {
        for (std::int64_t n = begin; n < end; ++n) {
          norms[static_cast<std::size_t>(n)] += load(k, n);
        }
      }
    } else {
      for (std::int64_t n = begin; n < end; ++n) {
        for (std::int64_t k = 0; k < operands.d_model; ++k) {
          norms[static_cast<std::size_t>(n)] += load(n, k);
        }
      }
    }
  });
  std::transform(norms.begin(), norms.end(), norms.begin(), [](double sum) { return std::sqrt(sum); });
  return norms;
}

Reference empty_reference(const Operands& operands, const std::vector<std::int64_t>& rows,
                          const std::vector<std::uint16_t>& x) {
  const std::size_t elements = rows.size() * static_cast<std::size_t>(operands.d_intermediate);
  Reference reference{operands.d_model,
                      operands.d_intermediate,
                      rows,
                      {},
                      {},
                      {},
                      row_norms(x, operands),
                      weight_norms(operands.w_gate, operands),
                      weight_norms(operands.w_up, operands)};
  reference.g.resize(elements);
  reference.u.resize(elements);
  reference.out.resize(elements);
  return reference;
}

}  // namespace

double silu(double g) { return g == -INFINITY ? -0.0 : g / (1.0 + std::exp(-g)); }

Reference oracle_reference(const Operands& operands, const std::vector<std::int64_t>& rows) {
  const std::vector<std::uint16_t> x = gather_rows(operands, rows);
  Reference reference = empty_reference(operands, rows, x);
  swiglu_plan_desc desc{};
  desc.struct_size = sizeof desc;
  desc.dtype = operands.dtype;
  desc.out_dtype = SWIGLU_F64;
  desc.accum = SWIGLU_ACCUM_F64;
  desc.weight_layout = operands.layout;
  desc.passes = SWIGLU_PASS_FORWARD_STORE;
  desc.d_model = operands.d_model;
  desc.d_intermediate = operands.d_intermediate;
  desc.ld_w_gate = operands.w_gate.leading_dimension();
  desc.ld_w_up = operands.w_up.leading_dimension();
  desc.device = SWIGLU_DEVICE_CPU;
  const Plan plan = make_plan(desc);
  swiglu_forward_args args{};
  args.struct_size = sizeof args;
  args.m = static_cast<std::int64_t>(rows.size());
  args.x = x.data();
  args.w_gate = operands.w_gate.host();
  args.w_up = operands.w_up.host();
  args.out = reference.out.data();
  args.g = reference.g.data();
  args.u = reference.u.data();
  require(swiglu_execute(plan.get(), &args, nullptr), "swiglu_execute (f64 oracle)");
  return reference;
}

Reference naive_reference(const Operands& operands, const std::vector<std::int64_t>& rows) {
  Reference reference = empty_reference(operands, rows, gather_rows(operands, rows));
  std::size_t element = 0;
  for (const std::int64_t row : rows) {
    for (std::int64_t n = 0; n < operands.d_intermediate; ++n, ++element) {
      double g = 0;
      double u = 0;
      for (std::int64_t k = 0; k < operands.d_model; ++k) {
        const bool is_kn = operands.layout == SWIGLU_KN;
        g += operands.x.at(row, k) * operands.w_gate.at(is_kn ? k : n, is_kn ? n : k);
        u += operands.x.at(row, k) * operands.w_up.at(is_kn ? k : n, is_kn ? n : k);
      }
      reference.g[element] = g;
      reference.u[element] = u;
      reference.out[element] = silu(g) * u;
    }
  }
  return reference;
}

std::vector<std::int64_t> sample_rows(std::int64_t m, std::int64_t most) {
  constexpr std::int64_t kEnds = 8;
  std::vector<std::int64_t> rows;
  const std::int64_t count = std::min(m, std::max(most, 2 * kEnds));
  for (std::int64_t i = 0; i < count; ++i) {
    if (m <= count || i < kEnds) {
      rows.push_back(i);
    } else if (i >= count - kEnds) {
      rows.push_back(m - count + i);
    } else {
      const std::int64_t between = count - 2 * kEnds;
      rows.push_back(kEnds + (i - kEnds) * (m - 2 * kEnds) / between);
    }
  }
  return rows;
}

}  // namespace swiglu_test
