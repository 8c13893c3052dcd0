// The backward pass of the CPU device against plain double loops, and the f64 oracle against finite differences of the
// forward pass. The numeric suite (tests/numeric) runs the rest through the public header.
#include "cpu/backward.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "base/numeric.h"
#include "cpu/activation.h"

namespace swiglu::cpu {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t at(long long row, long long ld, long long column) { return static_cast<std::size_t>(row * ld + column); }

// Host matrices of an f16 problem with f64 outputs, padded rows, poison between them.
struct Data {
  static constexpr int kPad = 3;
  static constexpr double kPoison = -12345;

  Data(Layout layout, int model, int intermediate, long long tokens)
      : problem{DType::f16, Accum::f32, layout, Pass::forward, model, intermediate, 2}, m(tokens) {
    const bool kn = layout == Layout::kn;
    ld_x = model + kPad;
    ld_w = (kn ? intermediate : model) + kPad;
    ld_i = intermediate + kPad;
    weight_rows = kn ? model : intermediate;
    std::mt19937 random(3);
    std::normal_distribution<float> normal(0, 0.7F);
    const auto elements = [&](long long rows, long long ld) {
      std::vector<std::uint16_t> matrix(static_cast<std::size_t>(rows * ld));
      for (auto& element : matrix) {
        element = float_to_f16(normal(random));
      }
      return matrix;
    };
    x = elements(m, ld_x);
    w_gate = elements(weight_rows, ld_w);
    w_up = elements(weight_rows, ld_w);
    for (auto* matrix : {&dout, &out, &g, &u}) {
      matrix->resize(static_cast<std::size_t>(m * ld_i));
    }
    for (double& element : dout) {
      element = static_cast<double>(normal(random));
    }
    dx.assign(static_cast<std::size_t>(m * ld_x), kPoison);
    dw_gate.assign(static_cast<std::size_t>(weight_rows * ld_w), kPoison);
    dw_up = dw_gate;
  }

  void run_forward() {
    Problem storing = problem;
    storing.pass = Pass::forward_store;
    forward(
        storing, Accumulate::f64, OutType::f64,
        {x.data(), w_gate.data(), w_up.data(), out.data(), g.data(), u.data(), m, ld_x, ld_w, ld_w, ld_i, ld_i, ld_i},
        1);
  }

  BackwardParams params(bool recompute) {
    BackwardParams p{};
    p.dout = dout.data();
    p.x = x.data();
    p.w_gate = w_gate.data();
    p.w_up = w_up.data();
    p.g = recompute ? nullptr : g.data();
    p.u = recompute ? nullptr : u.data();
    p.dx = dx.data();
    p.dw_gate = dw_gate.data();
    p.dw_up = dw_up.data();
    p.m = m;
    p.ld_dout = p.ld_g = p.ld_u = ld_i;
    p.ld_x = p.ld_dx = ld_x;
    p.ld_w_gate = p.ld_w_up = p.ld_dw_gate = p.ld_dw_up = ld_w;
    return p;
  }

  void run(const BackwardParams& p, int threads = 1, Accumulate accumulate = Accumulate::f64) {
    std::size_t bytes = 0;
    REQUIRE(backward_workspace(problem, accumulate, m, &bytes));
    std::vector<double> workspace((bytes + 7) / 8, std::nan(""));
    backward(problem, {accumulate, OutType::f64, OutType::f64}, p, workspace.data(), threads);
  }

  // The loss whose gradients are asked for: sum of dout * out.
  double loss() {
    run_forward();
    double sum = 0;
    for (long long row = 0; row < m; ++row) {
      for (int i = 0; i < problem.d_intermediate; ++i) {
        sum += dout[at(row, ld_i, i)] * out[at(row, ld_i, i)];
      }
    }
    return sum;
  }

  Problem problem;
  long long m;
  long long ld_x = 0, ld_w = 0, ld_i = 0, weight_rows = 0;
  std::vector<std::uint16_t> x, w_gate, w_up;
  std::vector<double> dout, out, g, u, dx, dw_gate, dw_up;
};

// d loss / d element by central differences of two widths, extrapolated: what is left is of the fourth power of the
// step, 2^-8 of the element, and the rounding of the loss divided by it.
double finite_difference(Data& data, std::uint16_t& element) {
  const std::uint16_t before = element;
  const auto difference = [&](float step) {
    const float middle = f16_to_float(before);
    element = float_to_f16(middle + step);
    const double above_at = f16_to_float(element);
    const double above = data.loss();
    element = float_to_f16(middle - step);
    const double below_at = f16_to_float(element);
    const double below = data.loss();
    element = before;
    CHECK(above_at - middle == middle - below_at);
    return (above - below) / (above_at - below_at);
  };
  const double wide = difference(0x1p-7F);
  const double narrow = difference(0x1p-8F);
  return (4 * narrow - wide) / 3;
}

// Elements whose neighbours at a distance of 2^-8 and 2^-7 are exact in f16.
void make_coarse(std::vector<std::uint16_t>& matrix) {
  for (auto& element : matrix) {
    element = float_to_f16(std::nearbyint(f16_to_float(element) * 0x1p8F) * 0x1p-8F);
  }
}

void check_finite_differences(Data& data, std::vector<std::uint16_t>& inputs, const std::vector<double>& gradients,
                              long long rows, long long columns, long long ld) {
  for (long long row = 0; row < rows; ++row) {
    for (long long column = 0; column < columns; ++column) {
      const double expected = finite_difference(data, inputs[at(row, ld, column)]);
      const double got = gradients[at(row, ld, column)];
      CHECK(std::abs(got - expected) <= 2e-8 * (1 + std::abs(expected)));
    }
  }
}

TEST_CASE("the f64 gradients are finite differences of the f64 forward pass, in both layouts and both modes") {
  for (const Layout layout : {Layout::kn, Layout::nk}) {
    for (const bool recompute : {false, true}) {
      Data data(layout, 5, 7, 6);
      make_coarse(data.x);
      make_coarse(data.w_gate);
      make_coarse(data.w_up);
      data.run_forward();
      data.run(data.params(recompute));
      const long long weight_columns = layout == Layout::kn ? 7 : 5;
      check_finite_differences(data, data.x, data.dx, data.m, 5, data.ld_x);
      check_finite_differences(data, data.w_gate, data.dw_gate, data.weight_rows, weight_columns, data.ld_w);
      check_finite_differences(data, data.w_up, data.dw_up, data.weight_rows, weight_columns, data.ld_w);
    }
  }
}

TEST_CASE("every gradient equals a plain double loop, whatever the number of threads; rows keep their padding") {
  for (const Layout layout : {Layout::kn, Layout::nk}) {
    const bool kn = layout == Layout::kn;
    Data data(layout, 201, 133, 150);
    data.run_forward();
    data.run(data.params(false), 1);
    const std::vector<double> first[] = {data.dx, data.dw_gate, data.dw_up};
    data.run(data.params(false), 7);
    CHECK(data.dx == first[0]);
    CHECK(data.dw_gate == first[1]);
    CHECK(data.dw_up == first[2]);

    std::vector<double> dg(data.g.size());
    std::vector<double> du(data.g.size());
    for (std::size_t i = 0; i < dg.size(); ++i) {
      const double s = 1 / (1 + std::exp(-data.g[i]));
      du[i] = data.dout[i] * data.g[i] * s;
      dg[i] = data.dout[i] * data.u[i] * (s + data.g[i] * s * (1 - s));
    }
    const auto weight = [&](const std::vector<std::uint16_t>& w, int d, int i) {
      return static_cast<double>(f16_to_float(w[kn ? at(d, data.ld_w, i) : at(i, data.ld_w, d)]));
    };
    double worst = 0;
    for (long long row = 0; row < data.m; ++row) {
      for (int d = 0; d < 201; ++d) {
        double sum = 0;
        for (int i = 0; i < 133; ++i) {
          sum += dg[at(row, data.ld_i, i)] * weight(data.w_gate, d, i) +
                 du[at(row, data.ld_i, i)] * weight(data.w_up, d, i);
        }
        worst = std::max(worst, std::abs(sum - data.dx[at(row, data.ld_x, d)]));
      }
      for (int pad = 0; pad < Data::kPad; ++pad) {
        CHECK(data.dx[at(row, data.ld_x, 201 + pad)] == Data::kPoison);
      }
    }
    for (int d = 0; d < 201; ++d) {
      for (int i = 0; i < 133; ++i) {
        double gate = 0;
        double up = 0;
        for (long long row = 0; row < data.m; ++row) {
          const double x = f16_to_float(data.x[at(row, data.ld_x, d)]);
          gate += x * dg[at(row, data.ld_i, i)];
          up += x * du[at(row, data.ld_i, i)];
        }
        const std::size_t index = kn ? at(d, data.ld_w, i) : at(i, data.ld_w, d);
        worst = std::max({worst, std::abs(gate - data.dw_gate[index]), std::abs(up - data.dw_up[index])});
      }
    }
    CHECK(worst < 1e-11);  // sums of a few hundred products of size 1 to 100
    for (long long row = 0; row < data.weight_rows; ++row) {
      for (int pad = 0; pad < Data::kPad; ++pad) {
        CHECK(data.dw_gate[at(row, data.ld_w, (kn ? 133 : 201) + pad)] == Data::kPoison);
      }
    }
  }
}

TEST_CASE("stored and recomputed pre-activations give the same bits where they are not rounded in between") {
  Data data(Layout::kn, 65, 130, 97);
  data.run_forward();
  data.run(data.params(false));
  const std::vector<double> first[] = {data.dx, data.dw_gate, data.dw_up};
  data.run(data.params(true), 3);
  CHECK(data.dx == first[0]);
  CHECK(data.dw_gate == first[1]);
  CHECK(data.dw_up == first[2]);
}

TEST_CASE("adding to what is there, and leaving out what is not wanted") {
  Data data(Layout::nk, 20, 30, 40);
  data.run_forward();
  data.run(data.params(false));
  const std::vector<double> gate = data.dw_gate;
  const std::vector<double> up = data.dw_up;
  BackwardParams params = data.params(false);
  params.accumulate = 1;
  params.dx = nullptr;
  params.dw_up = nullptr;
  data.run(params);
  CHECK(data.dw_up == up);
  for (long long row = 0; row < data.weight_rows; ++row) {
    for (int column = 0; column < 20; ++column) {
      CHECK(data.dw_gate[at(row, data.ld_w, column)] == 2 * gate[at(row, data.ld_w, column)]);
    }
  }
}

TEST_CASE("no tokens: weight gradients of zero, or nothing added") {
  Data data(Layout::kn, 3, 4, 0);
  BackwardParams params = data.params(true);
  data.dw_gate.assign(data.dw_gate.size(), 7);
  params.dx = nullptr;
  params.accumulate = 1;
  data.run(params);
  CHECK(data.dw_gate == std::vector<double>(data.dw_gate.size(), 7));
  params.accumulate = 0;
  data.run(params);
  for (long long row = 0; row < 3; ++row) {
    for (int column = 0; column < 4; ++column) {
      CHECK(data.dw_gate[at(row, data.ld_w, column)] == 0);
    }
  }
}

TEST_CASE_TEMPLATE("the derivatives of the gate: values, limits, NaN and infinities", Real, float, double) {
  const auto derive = [](double g, double u, double dout) {
    return gate_gradient<Real>(static_cast<Real>(g), static_cast<Real>(u), static_cast<Real>(dout));
  };
  for (double g = -80; g <= 80; g += 0.37) {
    const long double wide = g;
    const long double s = 1 / (1 + std::exp(-wide));
    const long double dg = 3.0L * -2.0L * (s + wide * s * (1 - s));
    const long double du = 3.0L * wide * s;
    const GateGradient<Real> got = derive(g, -2, 3);
    const auto rounding = 16 * static_cast<long double>(std::numeric_limits<Real>::epsilon());
    const long double input = std::abs(static_cast<long double>(static_cast<Real>(g)) - wide);  // g itself is rounded
    CHECK(std::abs(got.du - du) <= rounding * (1 + std::abs(wide)) * std::abs(du) + 4 * input);
    CHECK(std::abs(got.dg - dg) <=
          rounding * (1 + std::abs(wide)) * (6 * s) + 4 * input);  // near its zero s is what counts
  }
  CHECK(derive(0, 8, 4).dg == 16);  // silu'(0) = 1/2
  CHECK(derive(0, 8, 4).du == 0);
  for (const double far : {300.0, 2000.0, 1e30, kInfinity}) {
    CHECK(derive(far, 3, 2).dg == 6);
    CHECK(derive(-far, 3, 2).dg <= 0);
    CHECK(derive(-far, 3, 2).dg > -1e-100);
    CHECK(derive(-far, 3, 2).du <= 0);
  }
  CHECK(derive(kInfinity, 3, 2).du == kInfinity);
  CHECK(derive(-kInfinity, 3, 2).du == 0);
  CHECK(std::isnan(derive(kInfinity, 3, 0).du));           // infinity times nothing
  CHECK(std::isnan(derive(-kInfinity, kInfinity, 1).dg));  // nothing times infinity
  CHECK(std::isnan(derive(std::nan(""), 1, 1).dg));
  CHECK(std::isnan(derive(std::nan(""), 1, 1).du));
  CHECK(std::isnan(derive(1, std::nan(""), 1).dg));
  CHECK_FALSE(std::isnan(derive(1, std::nan(""), 1).du));
  CHECK(std::isnan(derive(1, 1, std::nan("")).du));
  // Where e^g alone is denormal or zero, a large upstream brings the result back.
  const double g = std::is_same_v<Real, float> ? -100 : -740;
  const double got = static_cast<double>(derive(g, 1e10, 1e10).dg);
  const double exact =
      static_cast<double>(static_cast<long double>(1e20) * (1 + g) * std::exp(static_cast<long double>(g)));
  CHECK(std::abs(got - exact) <= 1e-4 * std::abs(exact));
  CHECK(exact < 0);
}

}  // namespace
}  // namespace swiglu::cpu
