// Counter-based normal numbers: see random_problem.h.
#include "tools/random_problem.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <thread>

#include "tools/float16.h"
#include "tools/host_matrix.h"

namespace swiglu::tool {
namespace {

enum class Matrix : std::uint64_t { x = 1, w_gate = 2, w_up = 3 };

// Elements 2i and 2i+1 are one Box-Muller pair of counter i.
void fill(std::vector<std::uint16_t>& values, std::size_t begin, std::size_t end, std::uint64_t key, swiglu_dtype dtype,
          float scale) {
  constexpr float kUnit = 0x1p-32F;
  for (std::size_t i = begin; i < end; i += 2) {
    const std::uint64_t bits = mix(key + i / 2);
    const float radius_uniform = (static_cast<float>(bits >> 32) + 1.0F) * kUnit;  // above 0: the logarithm is finite
    const float angle = static_cast<float>(bits & 0xffffffffU) * kUnit * 2.0F * std::numbers::pi_v<float>;
    const float radius = scale * std::sqrt(std::max(0.0F, -2.0F * std::log(radius_uniform)));
    values[i] = narrow(dtype, radius * std::cos(angle));
    if (i + 1 < end) {
      values[i + 1] = narrow(dtype, radius * std::sin(angle));
    }
  }
}

const char* name_of(Matrix matrix) { return matrix == Matrix::x ? "x" : matrix == Matrix::w_gate ? "w_gate" : "w_up"; }

std::vector<std::uint16_t> normal(std::int64_t rows, std::int64_t columns, std::uint64_t seed, Matrix matrix,
                                  swiglu_dtype dtype, float scale) {
  auto values = host_matrix<std::uint16_t>(name_of(matrix), rows, columns);
  const std::uint64_t key = mix(seed) ^ mix(static_cast<std::uint64_t>(matrix) << 56);
  const std::size_t threads = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t chunk = (values.size() / threads + 2) & ~std::size_t{1};  // even: a pair stays in one chunk
  std::vector<std::jthread> pool;
  for (std::size_t begin = 0; begin < values.size(); begin += chunk) {
    const std::size_t end = std::min(values.size(), begin + chunk);
    pool.emplace_back([&values, begin, end, key, dtype, scale] { fill(values, begin, end, key, dtype, scale); });
  }
  pool.clear();  // joins
  return values;
}

}  // namespace

std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

RandomProblem make_random_problem(const swiglu_plan_desc& desc, std::int64_t m, std::uint64_t seed) {
  const float weight_scale = 1.0F / std::sqrt(static_cast<float>(desc.d_model));
  const bool kn = desc.weight_layout == SWIGLU_KN;
  const std::int64_t rows = kn ? desc.d_model : desc.d_intermediate;
  const std::int64_t columns = kn ? desc.d_intermediate : desc.d_model;
  return {normal(m, desc.d_model, seed, Matrix::x, desc.dtype, 1.0F),
          normal(rows, columns, seed, Matrix::w_gate, desc.dtype, weight_scale),
          normal(rows, columns, seed, Matrix::w_up, desc.dtype, weight_scale)};
}

}  // namespace swiglu::tool
