// The rows that are checked, and the reference against the formula written out.
#include "tools/oracle.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <set>

#include <doctest/doctest.h>

#include "tools/float16.h"

using namespace swiglu::tool;

TEST_CASE("sampled rows are distinct, increasing, and leave no band out") {
  for (const std::int64_t m : {1, 2, 31, 32, 33, 64, 100, 4096, 100003}) {
    const std::vector<std::int64_t> rows = sample_rows(m, 32);
    REQUIRE(rows.size() == static_cast<std::size_t>(std::min<std::int64_t>(m, 32)));
    CHECK(std::is_sorted(rows.begin(), rows.end()));
    CHECK(std::set<std::int64_t>(rows.begin(), rows.end()).size() == rows.size());
    CHECK(rows.front() == 0);
    CHECK(rows.back() == m - 1);
    for (std::size_t i = 1; i < rows.size(); ++i) {
      CHECK(rows[i] - rows[i - 1] <= 2 * (m / 30 + 1));
    }
  }
}

TEST_CASE("the reference is the formula") {
  swiglu_plan_desc desc{};
  desc.struct_size = sizeof desc;
  desc.dtype = SWIGLU_BF16;
  desc.accum = SWIGLU_ACCUM_F32;
  desc.weight_layout = SWIGLU_KN;
  desc.d_model = 37;
  desc.d_intermediate = 5;
  const RandomProblem problem = make_random_problem(desc, 9, 4);
  const std::vector<std::int64_t> rows{0, 3, 8};
  const Reference reference = compute_reference(desc, problem, rows);
  const auto value = [](const std::vector<std::uint16_t>& matrix, std::int64_t index) {
    return static_cast<double>(widen(SWIGLU_BF16, matrix[static_cast<std::size_t>(index)]));
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::int64_t n = 0; n < desc.d_intermediate; ++n) {
      double g = 0;
      double u = 0;
      for (std::int64_t k = 0; k < desc.d_model; ++k) {
        g += value(problem.x, rows[i] * desc.d_model + k) * value(problem.w_gate, k * desc.d_intermediate + n);
        u += value(problem.x, rows[i] * desc.d_model + k) * value(problem.w_up, k * desc.d_intermediate + n);
      }
      const std::size_t at = i * 5 + static_cast<std::size_t>(n);
      const double out = g / (1 + std::exp(-g)) * u;
      // Two float64 computations in possibly different order: 37 terms, with a factor in hand.
      CHECK(std::fabs(reference.g[at] - g) < 1e-14);
      CHECK(std::fabs(reference.u[at] - u) < 1e-14);
      CHECK(std::fabs(reference.out[at] - out) < 1e-13);
    }
  }
}
