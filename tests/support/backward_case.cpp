#include "support/backward_case.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <mutex>
#include <thread>

#include "support/number_format.h"
#include "support/plan.h"
#include "support/random.h"
#include "support/reference.h"

namespace swiglu_test {
namespace {

// Rows of a result are compared as far as their sums take this many products, but some always.
constexpr std::int64_t kReferenceOperations = std::int64_t{1} << 25;
constexpr std::int64_t kLeastRows = 16;
constexpr std::int64_t kMostSummed = 32768;  // tokens of one f32 sum
enum Stream : std::uint64_t { kXStream = 11, kGateStream, kUpStream, kDoutStream, kOldGateStream, kOldUpStream };

double finite_square(double value) { return std::isfinite(value) ? value * value : 0.0; }

std::vector<std::int64_t> affordable_rows(std::int64_t rows, std::int64_t products_a_row) {
  const std::int64_t most = std::max(kLeastRows, kReferenceOperations / std::max<std::int64_t>(1, products_a_row));
  return sample_rows(rows, most);
}

// A matrix in double, row-major and dense. `transposed`: read as [column][row].
std::vector<double> dense(const GuardedMatrix& matrix, bool transposed) {
  std::vector<double> values(static_cast<std::size_t>(matrix.rows() * matrix.columns()));
  for (std::int64_t row = 0; row < matrix.rows(); ++row) {
    for (std::int64_t column = 0; column < matrix.columns(); ++column) {
      const std::int64_t to = transposed ? column * matrix.rows() + row : row * matrix.columns() + column;
      values[static_cast<std::size_t>(to)] = matrix.at(row, column);
    }
  }
  return values;
}

// Sums of products of one row of the result, [columns], with their variances and the squared norms of both factors.
struct RowSums {
  explicit RowSums(std::size_t columns) : values(columns), variances(columns), norms(columns) {}
  std::vector<double> values;
  std::vector<double> variances;
  std::vector<double> norms;  // squared, of the column's factors
  double own_norm = 0;        // squared, of the row's

  // values[c] += a * b[c]; the error of one of the two has a variance.
  void add(double a, const double* b, double a_variance, const double* b_variances) {
    own_norm += finite_square(a);
    for (std::size_t c = 0; c < values.size(); ++c) {
      values[c] += a * b[c];
      norms[c] += finite_square(b[c]);
      variances[c] += b_variances != nullptr ? finite_square(a) * b_variances[c] : a_variance * finite_square(b[c]);
    }
  }

  ExpectedSum at(std::int64_t column, double loss) const {
    const auto c = static_cast<std::size_t>(column);
    return {values[c], variances[c], loss * std::sqrt(own_norm * norms[c])};
  }
};

}  // namespace

std::string spelling(const BackwardCase& test) {
  std::string text = spelling(test.base) + " backward";
  if (test.dw_dtype) {
    text += std::string(" dw_dtype=") + name_of(*test.dw_dtype);
  }
  if (test.dw.padding != 0 || test.dw.offset != 0) {
    text += " dw+" + std::to_string(test.dw.padding) + "@" + std::to_string(test.dw.offset);
  }
  return text;
}

std::string spelling(const Wanted& wanted) {
  return std::string(wanted.recompute ? "recompute" : "stored") + (wanted.dx ? " dx" : "") +
         (wanted.dw_gate ? " dw_gate" : "") + (wanted.dw_up ? " dw_up" : "") + (wanted.beta == 1 ? " beta 1" : "");
}

swiglu_plan_desc plan_desc(const BackwardCase& test, std::int32_t device) {
  swiglu_plan_desc desc = plan_desc(test.base, device);
  desc.passes = SWIGLU_PASS_BACKWARD | SWIGLU_PASS_BACKWARD_RECOMPUTE;
  if (test.dw_dtype) {
    desc.dw_dtype = *test.dw_dtype;
  }
  const bool kn = test.base.layout == SWIGLU_KN;
  desc.ld_dout = test.base.d_intermediate + test.base.outputs.padding;
  desc.ld_dx = test.base.d_model + test.base.outputs.padding;
  desc.ld_dw_gate = (kn ? test.base.d_intermediate : test.base.d_model) + test.dw.padding;
  desc.ld_dw_up = desc.ld_dw_gate;
  return desc;
}

BackwardTrial::BackwardTrial(Memory& memory, const BackwardCase& test, std::int64_t m, swiglu_plan* plan)
    : test_(test), m_(m), on_cpu_(memory.device() == SWIGLU_DEVICE_CPU) {
  const Case& base = test.base;
  const bool kn = base.layout == SWIGLU_KN;
  const swiglu_dtype out = base.out_dtype.value_or(base.dtype);
  const std::int64_t rows = kn ? base.d_model : base.d_intermediate;
  const std::int64_t columns = kn ? base.d_intermediate : base.d_model;
  const auto make = [&](swiglu_dtype dtype, std::int64_t r, std::int64_t c, const Placement& placement) {
    return std::make_unique<GuardedMatrix>(memory, dtype, r, c, placement);
  };
  x_ = make(base.dtype, m, base.d_model, base.x);
  w_gate_ = make(base.dtype, rows, columns, base.weights);
  w_up_ = make(base.dtype, rows, columns, base.weights);
  dout_ = make(out, m, base.d_intermediate, base.outputs);
  g_ = make(out, m, base.d_intermediate, base.outputs);
  u_ = make(out, m, base.d_intermediate, base.outputs);
  dx_ = make(out, m, base.d_model, base.outputs);
  dw_gate_ = make(test.dw_dtype.value_or(out), rows, columns, test.dw);
  dw_up_ = make(test.dw_dtype.value_or(out), rows, columns, test.dw);
  std::size_t bytes = 0;
  require(swiglu_plan_workspace_size(plan, SWIGLU_PASS_BACKWARD, m, &bytes), "swiglu_plan_workspace_size");
  workspace_ = make(SWIGLU_F32, 1, static_cast<std::int64_t>((bytes + 3) / 4), {});
  const double deviation = 1 / std::sqrt(static_cast<double>(base.d_model));
  x_->fill_normal(kXStream, 1);
  w_gate_->fill_normal(kGateStream, deviation);
  w_up_->fill_normal(kUpStream, deviation);
  dout_->fill_normal(kDoutStream, 1);
  store_pre_activations();
}

void BackwardTrial::store_pre_activations() {
  const Case& base = test_.base;
  if (m_ == 0) {
    return;
  }
  std::vector<std::int64_t> rows(static_cast<std::size_t>(m_));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = static_cast<std::int64_t>(i);
  }
  const Reference forward =
      oracle_reference({base.dtype, base.layout, base.d_model, base.d_intermediate, x(), w_gate(), w_up()}, rows);
  for (std::size_t i = 0; i < forward.g.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i) / base.d_intermediate;
    const auto column = static_cast<std::int64_t>(i) % base.d_intermediate;
    g_->set(row, column, forward.g[i]);
    u_->set(row, column, forward.u[i]);
  }
}

void BackwardTrial::upload(const Wanted& wanted) {
  for (auto* input : {&x_, &w_gate_, &w_up_, &dout_, &g_, &u_}) {
    (*input)->upload();
  }
  dx_->poison_elements();
  if (wanted.beta == 1) {
    dw_gate_->fill_normal(kOldGateStream, 3);
    dw_up_->fill_normal(kOldUpStream, 3);
  } else {
    dw_gate_->poison_elements();
    dw_up_->poison_elements();
  }
  workspace_->poison_elements();
  for (auto* output : {&dx_, &dw_gate_, &dw_up_, &workspace_}) {
    (*output)->upload();
  }
}

swiglu_backward_args BackwardTrial::args(const Wanted& wanted) const {
  swiglu_backward_args args{};
  args.struct_size = sizeof args;
  args.m = m_;
  args.dout = dout_->device();
  args.x = x_->device();
  args.w_gate = w_gate_->device();
  args.w_up = w_up_->device();
  args.g = wanted.recompute ? nullptr : g_->device();
  args.u = wanted.recompute ? nullptr : u_->device();
  args.dx = wanted.dx ? dx_->device() : nullptr;
  args.dw_gate = wanted.dw_gate ? dw_gate_->device() : nullptr;
  args.dw_up = wanted.dw_up ? dw_up_->device() : nullptr;
  args.dw_beta = wanted.beta;
  args.workspace = workspace_->device();
  args.workspace_size = static_cast<std::size_t>(workspace_->columns()) * 4;
  return args;
}

void BackwardTrial::download() {
  for (auto* matrix : {&x_, &w_gate_, &w_up_, &dout_, &g_, &u_, &dx_, &dw_gate_, &dw_up_, &workspace_}) {
    (*matrix)->download();
  }
}

std::vector<std::byte> BackwardTrial::output_bytes() const {
  std::vector<std::byte> bytes;
  for (const auto* matrix : {&dx_, &dw_gate_, &dw_up_}) {
    const std::size_t row_bytes = static_cast<std::size_t>((*matrix)->columns()) * bytes_of((*matrix)->dtype());
    for (std::int64_t row = 0; row < (*matrix)->rows(); ++row) {
      const std::byte* from = static_cast<const GuardedMatrix&>(**matrix).host(row, 0);
      bytes.insert(bytes.end(), from, from + row_bytes);
    }
  }
  return bytes;
}

std::string BackwardTrial::damage(const Wanted& wanted) const {
  std::string damage;
  damage += x_->damage("x", true) + w_gate_->damage("w_gate", true) + w_up_->damage("w_up", true);
  damage += dout_->damage("dout", true) + g_->damage("g", true) + u_->damage("u", true);
  damage += dx_->damage("dx", !wanted.dx) + dw_gate_->damage("dw_gate", !wanted.dw_gate);
  damage += dw_up_->damage("dw_up", !wanted.dw_up) + workspace_->damage("workspace", false);
  return damage;
}

Gradients BackwardTrial::gradients(bool recompute) const {
  const Case& base = test_.base;
  const auto columns = static_cast<std::size_t>(base.d_intermediate);
  const auto elements = static_cast<std::size_t>(m_) * columns;
  Gradients result{std::vector<double>(elements), std::vector<double>(elements), std::vector<double>(elements),
                   std::vector<double>(elements)};
  std::optional<Reference> forward;
  if (recompute) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(m_));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i] = static_cast<std::int64_t>(i);
    }
    forward = oracle_reference({base.dtype,
                                base.layout,
                                base.d_model,
                                base.d_intermediate,
                                {x_.get(), 0, 0},
                                {w_gate_.get(), 0, 0},
                                {w_up_.get(), 0, 0}},
                               rows);
  }
  const swiglu_accum accum = on_cpu_ && base.accum != SWIGLU_ACCUM_F64 ? SWIGLU_ACCUM_F32 : base.accum;
  const double loss = accumulator_loss(accum, base.d_model) / std::sqrt(static_cast<double>(base.d_model));
  const double activation = base.accum == SWIGLU_ACCUM_F64 ? 0x1p-48 : 0x1p-20;
  const NumberFormat& format = format_of(base.dtype);
  parallel_for(m_, 0, [&](std::int64_t begin, std::int64_t end) {
    for (std::size_t at = static_cast<std::size_t>(begin) * columns; at < static_cast<std::size_t>(end) * columns;
         ++at) {
      const auto row = static_cast<std::int64_t>(at / columns);
      const auto column = static_cast<std::int64_t>(at % columns);
      const double g = recompute ? forward->g[at] : g_->at(row, column);
      const double u = recompute ? forward->u[at] : u_->at(row, column);
      const double dout = dout_->at(row, column);
      const double s = 1 / (1 + std::exp(-g));
      result.dg[at] = dout * u * silu_derivative(g);
      result.du[at] = dout * silu(g);
      const double lost = activation * (1 + std::fabs(g)) * s + 0x1p-126 * (1 + std::fabs(g));
      double dg_error = lost * std::fabs(dout * u);
      double du_error = lost * std::fabs(dout * g);
      if (recompute) {
        const double scale = loss * forward->x_norm[at / columns];
        const double g_error = scale * forward->gate_norm[at % columns];
        const double u_error = scale * forward->up_norm[at % columns];
        dg_error += std::fabs(dout) * (0.5 * std::fabs(u) * g_error + 1.1 * u_error);
        du_error += 1.1 * std::fabs(dout) * g_error;
      }
      const double dg_unit = on_cpu_ ? 0 : half_unit(format, result.dg[at]);
      const double du_unit = on_cpu_ ? 0 : half_unit(format, result.du[at]);
      result.dg_variance[at] = finite_square(dg_unit) / 3 + finite_square(dg_error);
      result.du_variance[at] = finite_square(du_unit) / 3 + finite_square(du_error);
    }
  });
  return result;
}

std::string BackwardTrial::verify(const Wanted& wanted) {
  download();
  std::string failure = damage(wanted);
  const Case& base = test_.base;
  const bool kn = base.layout == SWIGLU_KN;
  const std::int64_t model = base.d_model;
  const std::int64_t intermediate = base.d_intermediate;
  const Gradients gradients = this->gradients(wanted.recompute);
  swiglu_accum dx_accum = on_cpu_ && base.accum != SWIGLU_ACCUM_F64 ? SWIGLU_ACCUM_F32 : base.accum;
  dx_accum = dx_accum == SWIGLU_ACCUM_F16 ? SWIGLU_ACCUM_F16_PROMOTED : dx_accum;  // dx promotes it
  const auto loss_of = [](swiglu_accum accum, std::int64_t depth) {
    return accumulator_loss(accum, depth) / std::sqrt(static_cast<double>(std::max<std::int64_t>(1, depth)));
  };
  if (wanted.dx && m_ > 0) {
    // [d_intermediate][d_model], so that the inner loop runs over neighbours.
    const std::vector<double> gate = dense(*w_gate_, kn);
    const std::vector<double> up = dense(*w_up_, kn);
    const std::vector<std::int64_t> rows = affordable_rows(m_, 4 * model * intermediate);
    std::vector<RowSums> sums(rows.size(), RowSums(static_cast<std::size_t>(model)));
    parallel_for(static_cast<std::int64_t>(rows.size()), 0, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        for (std::int64_t k = 0; k < intermediate; ++k) {
          const auto at = static_cast<std::size_t>(rows[i] * intermediate + k);
          sums[i].add(gradients.dg[at], &gate[static_cast<std::size_t>(k * model)], gradients.dg_variance[at], nullptr);
          sums[i].add(gradients.du[at], &up[static_cast<std::size_t>(k * model)], gradients.du_variance[at], nullptr);
        }
      }
    });
    const double loss = loss_of(dx_accum, 2 * intermediate);
    failure += compare({"dx", dx(), rows, model, true, 2.0 * static_cast<double>(intermediate), true},
                       [&](std::size_t i, std::int64_t column) { return sums[i].at(column, loss); });
  }
  const auto judge_weight = [&](const char* name, const MatrixView& result, const std::vector<double>& gradient,
                                const std::vector<double>& variance, std::uint64_t old_stream) {
    // Rows of the result as [d_model][d_intermediate], whichever way it lies.
    const std::vector<std::int64_t> rows = affordable_rows(model, 2 * m_ * intermediate);
    std::vector<RowSums> sums(rows.size(), RowSums(static_cast<std::size_t>(intermediate)));
    parallel_for(static_cast<std::int64_t>(rows.size()), 0, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        for (std::int64_t token = 0; token < m_; ++token) {
          const auto at = static_cast<std::size_t>(token * intermediate);
          sums[i].add(x_->at(token, rows[i]), &gradient[at], 0, &variance[at]);
        }
      }
    });
    HostMemory host;
    GuardedMatrix old(host, result.matrix->dtype(), result.matrix->rows(), result.matrix->columns(), {});
    old.fill_normal(old_stream, 3);
    GuardedMatrix as_product(host, result.matrix->dtype(), model, intermediate, {});
    for (std::int64_t d = 0; d < model; ++d) {
      for (std::int64_t i = 0; i < intermediate; ++i) {
        as_product.set(d, i, kn ? result.at(d, i) : result.at(i, d));
      }
    }
    const swiglu_accum accum = base.accum == SWIGLU_ACCUM_F64 ? SWIGLU_ACCUM_F64 : SWIGLU_ACCUM_F32;
    const double loss = loss_of(accum, on_cpu_ ? m_ : std::min(m_, kMostSummed));
    failure += compare({name, {&as_product, 0, 0}, rows, intermediate, true, static_cast<double>(m_), false},
                       [&](std::size_t i, std::int64_t column) {
                         ExpectedSum sum = sums[i].at(column, loss);
                         if (wanted.beta == 1) {
                           sum.value += kn ? old.at(rows[i], column) : old.at(column, rows[i]);
                         }
                         // An f32 result is rounded once more where parts are summed, or where it is added to.
                         sum.accumulators += 0x1p-24 * std::fabs(sum.value);
                         return sum;
                       });
  };
  if (wanted.dw_gate) {
    judge_weight("dw_gate", dw_gate(), gradients.dg, gradients.dg_variance, kOldGateStream);
  }
  if (wanted.dw_up) {
    judge_weight("dw_up", dw_up(), gradients.du, gradients.du_variance, kOldUpStream);
  }
  return failure;
}

std::string run_case(Memory& memory, const BackwardCase& test, const std::vector<Wanted>& wanted) {
  std::string failure;
  try {
    const Plan plan = make_plan(plan_desc(test, memory.device()));
    for (const std::int64_t m : test.base.m) {
      BackwardTrial trial(memory, test, m, plan.get());
      for (const Wanted& each : wanted) {
        trial.upload(each);
        const swiglu_backward_args args = trial.args(each);
        require(swiglu_execute_backward(plan.get(), &args, nullptr), "swiglu_execute_backward");
        const std::string problem = trial.verify(each);
        if (!problem.empty()) {
          failure += " [m=" + std::to_string(m) + " " + spelling(each) + "] " + problem;
        }
      }
    }
  } catch (const std::exception& error) {
    failure += std::string(" ") + error.what();
  }
  return failure.empty() ? failure : spelling(test) + ":" + failure + " (" + seed_text() + ")";
}

std::vector<std::string> run_cases(Memory& memory, const std::vector<BackwardCase>& cases,
                                   const std::vector<Wanted>& wanted) {
  const unsigned machine = std::max(1U, std::thread::hardware_concurrency());
  const unsigned threads = memory.device() == SWIGLU_DEVICE_CPU ? std::min(2U, machine) : std::min(12U, machine);
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::vector<std::string> failures;
  parallel_for(threads, static_cast<int>(threads), [&](std::int64_t, std::int64_t) {
    for (std::size_t i = next++; i < cases.size(); i = next++) {
      const std::string failure = run_case(memory, cases[i], wanted);
      if (!failure.empty()) {
        const std::lock_guard<std::mutex> lock(mutex);
        failures.push_back(failure);
      }
    }
  });
  return failures;
}

std::vector<Wanted> both_modes() {
  Wanted stored;
  Wanted recomputed;
  recomputed.recompute = true;
  return {stored, recomputed};
}

}  // namespace swiglu_test
