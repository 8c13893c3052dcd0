// The CPU device against a plain double loop. The sums must agree to the bit: products of 16-bit values are exact, and
// both add them in increasing k. Only the activation's exponential may differ, in its last places.
#include "cpu/forward.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "base/numeric.h"
#include "cpu/activation.h"

namespace swiglu::cpu {
namespace {

struct Case {
  Problem problem;
  long long m;
  int padding;  // elements between rows
};

// Host matrices of a case. Inputs' padding is NaN, so that reading it shows; outputs are poisoned whole.
template <typename Out>
class Data {
 public:
  static constexpr std::uint16_t kNan = 0x7fff;
  static constexpr int kPoisonByte = 0xa5;

  explicit Data(const Case& c, unsigned seed = 1) : case_(c) {
    const Problem& p = c.problem;
    const bool kn = p.layout == Layout::kn;
    ld_x_ = p.d_model + c.padding;
    ld_w_ = (kn ? p.d_intermediate : p.d_model) + c.padding;
    ld_out_ = p.d_intermediate + c.padding;
    std::mt19937 random(seed);
    fill(x_, c.m, p.d_model, ld_x_, random);
    fill(gate_, kn ? p.d_model : p.d_intermediate, kn ? p.d_intermediate : p.d_model, ld_w_, random);
    fill(up_, kn ? p.d_model : p.d_intermediate, kn ? p.d_intermediate : p.d_model, ld_w_, random);
    for (auto* output : {&out_, &g_, &u_}) {
      output->resize(static_cast<std::size_t>(c.m * ld_out_));
      std::memset(output->data(), kPoisonByte, output->size() * sizeof(Out));
    }
  }

  void run(Accumulate accumulate, OutType type, int threads) {
    forward(case_.problem, accumulate, type,
            {x_.data(), gate_.data(), up_.data(), out_.data(), g_.data(), u_.data(), case_.m, ld_x_, ld_w_, ld_w_,
             ld_out_, ld_out_, ld_out_},
            threads);
  }

  template <typename Real>
  Real sum(const std::vector<std::uint16_t>& w, long long row, long long column) const {
    Real total = 0;
    for (long long k = 0; k < case_.problem.d_model; ++k) {
      const long long index = case_.problem.layout == Layout::kn ? k * ld_w_ + column : column * ld_w_ + k;
      total += static_cast<Real>(widen(x_[static_cast<std::size_t>(row * ld_x_ + k)])) *
               static_cast<Real>(widen(w[static_cast<std::size_t>(index)]));
    }
    return total;
  }

  // Whether every byte between the output's rows still is poison.
  bool padding_untouched() const {
    for (const auto* output : {&out_, &g_, &u_}) {
      for (long long row = 0; row < case_.m; ++row) {
        for (long long column = case_.problem.d_intermediate; column < ld_out_; ++column) {
          Out poison;
          std::memset(&poison, kPoisonByte, sizeof poison);
          if (std::memcmp(&(*output)[static_cast<std::size_t>(row * ld_out_ + column)], &poison, sizeof poison) != 0) {
            return false;
          }
        }
      }
    }
    return true;
  }

  float widen(std::uint16_t bits) const {
    return case_.problem.dtype == DType::bf16 ? bf16_to_float(bits) : f16_to_float(bits);
  }
  std::uint16_t narrow(float value) const {
    return case_.problem.dtype == DType::bf16 ? float_to_bf16(value) : float_to_f16(value);
  }

  std::vector<std::uint16_t> x_, gate_, up_;
  std::vector<Out> out_, g_, u_;
  long long ld_x_ = 0, ld_w_ = 0, ld_out_ = 0;

 private:
  void fill(std::vector<std::uint16_t>& matrix, long long rows, long long columns, long long ld, std::mt19937& random) {
    std::normal_distribution<float> normal(0, 0.5F);
    matrix.assign(static_cast<std::size_t>(rows * ld), kNan);
    for (long long row = 0; row < rows; ++row) {
      for (long long column = 0; column < columns; ++column) {
        matrix[static_cast<std::size_t>(row * ld + column)] = narrow(normal(random));
      }
    }
  }

  Case case_;
};

double reference_gate(double g, double u) { return g / (1 + std::exp(-g)) * u; }

// Relative tolerance of the activation: a few roundings of Real.
template <typename Real>
void check_against_loop(const Case& c, Accumulate accumulate, OutType type) {
  Data<Real> data(c);
  data.run(accumulate, type, 3);
  int wrong_sums = 0;
  double worst = 0;
  for (long long row = 0; row < c.m; ++row) {
    for (long long column = 0; column < c.problem.d_intermediate; ++column) {
      const auto index = static_cast<std::size_t>(row * data.ld_out_ + column);
      const Real g = data.template sum<Real>(data.gate_, row, column);
      const Real u = data.template sum<Real>(data.up_, row, column);
      wrong_sums += data.g_[index] == g && data.u_[index] == u ? 0 : 1;
      const double want = reference_gate(g, u);
      worst = std::max(worst, std::abs(data.out_[index] - want) / std::max(std::abs(want), 1e-30));
    }
  }
  CAPTURE(c.m);
  CAPTURE(c.problem.d_model);
  CAPTURE(c.problem.d_intermediate);
  CHECK(wrong_sums == 0);
  CHECK(worst < 8 * static_cast<double>(std::numeric_limits<Real>::epsilon()));
  CHECK(data.padding_untouched());
}

Problem problem(DType dtype, Layout layout, int d_model, int d_intermediate) {
  return {dtype, Accum::f32, layout, Pass::forward_store, d_model, d_intermediate, 2};
}

TEST_CASE("g, u and out equal a plain loop, whatever the shape, layout, type and pitch") {
  struct Shape {
    long long m;
    int d_model, d_intermediate;
  };
  for (const Shape s : {Shape{1, 1, 1}, {1, 257, 3}, {13, 31, 127}, {5, 256, 129}, {97, 300, 65}, {12, 17, 300}}) {
    for (const Layout layout : {Layout::kn, Layout::nk}) {
      for (const DType dtype : {DType::bf16, DType::f16}) {
        for (const int padding : {0, 5}) {
          const Case c{problem(dtype, layout, s.d_model, s.d_intermediate), s.m, padding};
          check_against_loop<double>(c, Accumulate::f64, OutType::f64);
          check_against_loop<float>(c, Accumulate::f32, OutType::f32);
        }
      }
    }
  }
}

TEST_CASE("16-bit outputs are the sums rounded once") {
  for (const DType dtype : {DType::bf16, DType::f16}) {
    const Case c{problem(dtype, Layout::kn, 40, 70), 9, 3};
    Data<double> exact(c);
    exact.run(Accumulate::f64, OutType::f64, 1);
    Data<std::uint16_t> rounded(c);
    rounded.run(Accumulate::f64, dtype == DType::bf16 ? OutType::bf16 : OutType::f16, 1);
    int wrong = 0;
    for (long long row = 0; row < c.m; ++row) {
      for (long long column = 0; column < c.problem.d_intermediate; ++column) {
        const auto i = static_cast<std::size_t>(row * exact.ld_out_ + column);
        const auto narrow = [&](double v) { return dtype == DType::bf16 ? double_to_bf16(v) : double_to_f16(v); };
        wrong += rounded.out_[i] == narrow(exact.out_[i]) && rounded.g_[i] == narrow(exact.g_[i]) &&
                         rounded.u_[i] == narrow(exact.u_[i])
                     ? 0
                     : 1;
      }
    }
    CHECK(wrong == 0);
    CHECK(rounded.padding_untouched());
  }
}

TEST_CASE("the number of threads does not change a bit") {
  const Case c{problem(DType::bf16, Layout::nk, 513, 700), 200, 0};
  Data<float> one(c);
  one.run(Accumulate::f32, OutType::f32, 1);
  for (const int threads : {2, 3, 7, 64}) {
    Data<float> many(c);
    many.run(Accumulate::f32, OutType::f32, threads);
    CHECK(std::memcmp(one.out_.data(), many.out_.data(), one.out_.size() * sizeof(float)) == 0);
    CHECK(std::memcmp(one.g_.data(), many.g_.data(), one.g_.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("a row's result does not depend on the rows around it") {
  const Case c{problem(DType::f16, Layout::kn, 300, 90), 101, 0};
  Data<float> all(c);
  all.run(Accumulate::f32, OutType::f32, 2);
  Data<float> last(c);
  std::copy_n(all.x_.end() - all.ld_x_, all.ld_x_, last.x_.begin());
  for (std::size_t i = static_cast<std::size_t>(last.ld_x_); i < last.x_.size(); ++i) {
    last.x_[i] = Data<float>::kNan;
  }
  last.run(Accumulate::f32, OutType::f32, 2);
  CHECK(std::memcmp(last.out_.data(), &all.out_[static_cast<std::size_t>(100 * all.ld_out_)], 90 * sizeof(float)) == 0);
}

TEST_CASE("g and u are left alone by the forward pass, and everything by m = 0") {
  Case c{problem(DType::bf16, Layout::kn, 8, 8), 4, 0};
  c.problem.pass = Pass::forward;
  Data<float> data(c);
  const std::vector<float> poison = data.g_;
  data.run(Accumulate::f32, OutType::f32, 1);
  CHECK(std::memcmp(data.g_.data(), poison.data(), poison.size() * sizeof(float)) == 0);
  forward(c.problem, Accumulate::f32, OutType::f32, {}, 1);
}

TEST_CASE_TEMPLATE("the gate at the edges", Real, float, double) {
  constexpr Real kInfinity = std::numeric_limits<Real>::infinity();
  constexpr Real kMax = std::numeric_limits<Real>::max();
  constexpr Real kNan = std::numeric_limits<Real>::quiet_NaN();
  for (const Real nothing : {-kInfinity, -kMax, Real{-5000}}) {
    CHECK(gate(nothing, Real{3}) == 0);
    CHECK(std::signbit(gate(nothing, Real{3})));
    CHECK_FALSE(std::signbit(gate(nothing, Real{-3})));
    CHECK(gate(nothing, kMax) == 0);
    CHECK(std::isnan(gate(nothing, kInfinity)));
  }
  CHECK(gate(Real{0}, Real{1}) == 0);
  CHECK(gate(kInfinity, Real{1}) == kInfinity);
  CHECK(gate(kMax, Real{1}) == kMax);
  CHECK(std::isnan(gate(kNan, Real{1})));
  CHECK(std::isnan(gate(Real{1}, kNan)));
  CHECK(std::isnan(gate(kInfinity, Real{0})));
  CHECK(gate(std::numeric_limits<Real>::denorm_min(), Real{1}) <= std::numeric_limits<Real>::denorm_min());
  // Symmetry of the two branches: silu(g) - silu(-g) = g.
  for (const Real g : {Real{0.0009765625}, Real{0.5}, Real{3}, Real{20}}) {
    CHECK(std::abs(gate(g, Real{1}) - gate(-g, Real{1}) - g) <= 4 * g * std::numeric_limits<Real>::epsilon());
  }
}

TEST_CASE("a vanishing gate keeps its accuracy under a large u") {
  for (const float g : {-20.0F, -88.0F, -95.0F, -104.0F, -120.0F, -150.0F}) {
    const double want = static_cast<double>(g) / (1 + std::exp(-static_cast<double>(g))) * 1e38;
    CHECK(std::abs(gate(g, 1e38F) - want) <= 1e-5 * std::abs(want) + std::numeric_limits<float>::denorm_min());
  }
}

}  // namespace
}  // namespace swiglu::cpu
