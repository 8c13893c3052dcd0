#include "checks/reference.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace swiglu::emulator {
namespace {

// The limit at -Inf is -0, where the formula would say Inf * 0.
double silu(double g) {
  if (g > 0) {
    return g / (1 + std::exp(-g));
  }
  return std::isinf(g) ? -0.0 : g * std::exp(g) / (1 + std::exp(g));
}

// Where the expected value is so close to overflow that rounding errors decide, either is right.
bool near_overflow(DType dtype, double value) {
  const double largest = dtype == DType::bf16 ? 0x1.fep127 : 65504.0;
  return std::abs(value) > 0.95 * largest && std::abs(value) < 1.05 * largest;
}

// Expected and actual as finite numbers to take norms of, or why not.
struct Pair {
  double expected = 0;
  double error = 0;
  std::string mismatch;
};

Pair compare(DType dtype, double expected, std::uint16_t bits) {
  const double actual = widen(dtype, bits);
  const double rounded = widen(dtype, narrow(dtype, expected));
  if (near_overflow(dtype, expected)) {
    return {};
  }
  if (std::isnan(rounded) != std::isnan(actual) || (std::isinf(rounded) != std::isinf(actual)) ||
      (std::isinf(rounded) && rounded != actual)) {
    return {0, 0, fmt::format("is {}, expected {}", actual, expected)};
  }
  return std::isfinite(rounded) ? Pair{expected, actual - expected, ""} : Pair{};
}

// Roundings to f16 on the way to a sum: after each mma step of 16 products (simt: each product).
double f16_roundings(const KernelConfig& config) {
  if (config.problem.accum == Accum::f32) {
    return 0;
  }
  const int d_model = config.problem.d_model;
  const int products = config.problem.accum == Accum::f16 ? d_model : std::min(d_model, kPromotionK);
  return config.family == Family::simt ? products : std::ceil(products / 16.0);
}

// Half a unit in the last place of denormals, for each rounding.
double denormal_error(const KernelConfig& config) {
  return config.problem.dtype == DType::bf16 ? 0x1p-134 : 0x1p-25 * (1 + f16_roundings(config));
}

struct Norm {
  double expected = 0;
  double error = 0;
  double fourth_powers = 0;
  double count = 0;

  void add(const Pair& pair) {
    const double square = pair.expected * pair.expected;
    expected += square;
    fourth_powers += square * square;
    error += pair.error * pair.error;
    count += 1;
  }
  // How many elements of equal size the norm is worth: few when a few large ones decide it.
  double effective_count() const { return fourth_powers > 0 ? expected * expected / fourth_powers : 0; }
  // `floor`: absolute error of an element that is always forgiven.
  bool within(double relative, double floor) const {
    return std::sqrt(error) <= relative * std::sqrt(expected) + floor * std::sqrt(count);
  }
  double relative() const { return std::sqrt(error / expected); }
};

}  // namespace

Reference reference(const ProblemData& data, std::int64_t m) {
  const int d_model = data.problem.d_model;
  const auto n = static_cast<std::size_t>(data.problem.d_intermediate);
  const DType dtype = data.problem.dtype;
  const auto count = static_cast<std::size_t>(m) * n;
  Reference result{std::vector<double>(count), std::vector<double>(count, 0.0), std::vector<double>(count, 0.0)};
  for (int k = 0; k < d_model; ++k) {
    std::vector<double> gate(n);
    std::vector<double> up(n);
    for (std::size_t j = 0; j < n; ++j) {
      gate[j] = widen(dtype, data.gate(k, static_cast<int>(j)));
      up[j] = widen(dtype, data.up(k, static_cast<int>(j)));
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(m); ++i) {
      const double x = widen(dtype, data.x(static_cast<std::int64_t>(i), k));
      for (std::size_t j = 0; j < n; ++j) {
        result.g[i * n + j] += x * gate[j];
        result.u[i * n + j] += x * up[j];
      }
    }
  }
  std::transform(result.g.begin(), result.g.end(), result.u.begin(), result.out.begin(),
                 [](double g, double u) { return silu(g) * u; });
  return result;
}

double tolerance(const KernelConfig& config, double count) {
  // One rounding to the output type: at most half a unit in the last place, and about 0.4 of that for the norm of many.
  constexpr double kMany = 128;
  const double half_unit = config.problem.dtype == DType::bf16 ? 0x1p-8 : 0x1p-11;
  const double output = half_unit * (count < kMany ? 1.01 : 0.53);
  if (config.problem.accum == Accum::f32) {
    return output;
  }
  // Two f16 sums enter a product, each with an error of at most 2^-11 of the partial sum at every rounding, at random.
  return output + 0x1p-11 * (count < kMany ? 4.0 : 1.0) * std::sqrt(f16_roundings(config));
}

std::string error_against(const KernelConfig& config, const std::string& name, std::span<const double> expected,
                          std::span<const std::uint16_t> actual) {
  constexpr std::size_t kBlock = 64;
  const auto n = static_cast<std::size_t>(config.problem.d_intermediate);
  const std::size_t m = expected.size() / n;
  const std::size_t blocks_n = (n + kBlock - 1) / kBlock;
  const double floor = denormal_error(config);
  Norm whole;
  std::vector<Norm> blocks((m + kBlock - 1) / kBlock * blocks_n);
  std::vector<Norm> rows(m);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const Pair pair = compare(config.problem.dtype, expected[i * n + j], actual[i * n + j]);
      if (!pair.mismatch.empty()) {
        return fmt::format("{}[{}, {}] {}\n", name, i, j, pair.mismatch);
      }
      whole.add(pair);
      blocks[i / kBlock * blocks_n + j / kBlock].add(pair);
      rows[i].add(pair);
    }
  }
  std::string error;
  const auto check = [&](const Norm& norm, const std::string& what) {
    const double limit = tolerance(config, norm.effective_count());
    if (error.empty() && !norm.within(limit, floor)) {
      error = fmt::format("{}: relative error {:.3g} of {}, limit {:.3g}\n", name, norm.relative(), what, limit);
    }
  };
  check(whole, "the whole");
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    check(blocks[b], fmt::format("the 64x64 block ({}, {})", b / blocks_n, b % blocks_n));
  }
  for (std::size_t i = 0; i < m; ++i) {
    check(rows[i], fmt::format("row {}", i));
  }
  return error;
}

}  // namespace swiglu::emulator
