// What the values are: NaN and infinity, zeros, denormals, gates far out, overflow, and integers whose sums are exact.
#include <cmath>
#include <limits>

#include "numeric/cases.h"
#include "support/number_format.h"
#include "support/random.h"

namespace swiglu_test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Uploads, executes forward_store and judges.
void execute_and_verify(Trial& trial, const Case& test) {
  const Plan plan = make_plan(plan_desc(test, memory_under_test().device()));
  trial.upload();
  const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD_STORE);
  const swiglu_status status = swiglu_execute(plan.get(), &args, nullptr);
  REQUIRE_MESSAGE(status == SWIGLU_OK, spelling(test), ": ", last_error());
  const std::string failure = trial.verify(SWIGLU_PASS_FORWARD_STORE);
  CHECK_MESSAGE(failure.empty(), spelling(test), ": ", failure, " (", seed_text(), ")");
}

// w(k, n) of the mathematical [d_model, d_intermediate], in either layout.
void set_weight(const MatrixView& weights, swiglu_layout layout, std::int64_t k, std::int64_t n, double value) {
  const std::int64_t row = layout == SWIGLU_KN ? k : n;
  const std::int64_t column = layout == SWIGLU_KN ? n : k;
  weights.matrix->set(weights.row + row, weights.column + column, value);
}

std::int64_t count_nan(const MatrixView& matrix, std::int64_t row, std::int64_t columns) {
  std::int64_t count = 0;
  for (std::int64_t n = 0; n < columns; ++n) {
    count += std::isnan(matrix.at(row, n)) ? 1 : 0;
  }
  return count;
}

// Every kind, aligned for tensor cores and odd.
std::vector<Case> kinds_twice(std::int64_t m) {
  std::vector<Case> cases;
  for (const Kind& kind : kKinds) {
    cases.push_back(make_case(kind, 64, 128, {m}));
    cases.push_back(make_case(kind, 65, 67, {m}));
  }
  for (Case& test : cases) {
    test.passes = SWIGLU_PASS_FORWARD_STORE;
  }
  prepare_all(memory_under_test(), cases);
  return cases;
}

}  // namespace

TEST_CASE("a NaN in x poisons its own row and no other") {
  constexpr std::int64_t kRows = 70;
  for (const Case& test : kinds_twice(kRows)) {
    Trial trial(memory_under_test(), test, kRows);
    trial.x().matrix->set(3, 5, kNan);
    trial.x().matrix->set(69, test.d_model - 1, kNan);
    execute_and_verify(trial, test);
    for (std::int64_t row = 0; row < kRows; ++row) {
      const std::int64_t expected = row == 3 || row == 69 ? test.d_intermediate : 0;
      CHECK_MESSAGE(count_nan(trial.out(), row, test.d_intermediate) == expected, spelling(test), " row ", row);
    }
  }
}

TEST_CASE("infinities and NaN in x and in the weights go where the formula sends them") {
  constexpr std::int64_t kRows = 70;
  for (const Case& test : kinds_twice(kRows)) {
    Trial trial(memory_under_test(), test, kRows);
    trial.x().matrix->set(5, 0, kInfinity);
    trial.x().matrix->set(6, 1, -kInfinity);
    trial.x().matrix->set(7, 2, 0.0);  // times the infinite weight below: NaN
    set_weight(trial.w_gate(), test.layout, 2, 9, kInfinity);
    set_weight(trial.w_up(), test.layout, 4, 11, -kInfinity);
    set_weight(trial.w_gate(), test.layout, 3, 13, kNan);
    execute_and_verify(trial, test);
    CHECK_MESSAGE(std::isnan(trial.out().at(7, 9)), spelling(test));
    for (std::int64_t row = 10; row < kRows; ++row) {
      CHECK_MESSAGE(std::isnan(trial.out().at(row, 13)), spelling(test), " row ", row);
      const double g_sign = trial.x().at(row, 2);
      if (g_sign < 0) {  // silu(-infinity) is zero, and u is finite
        CHECK_MESSAGE(trial.out().at(row, 9) == 0.0, spelling(test), " row ", row);
      } else if (g_sign > 0) {
        CHECK_MESSAGE(std::isinf(trial.out().at(row, 9)), spelling(test), " row ", row);
      }
    }
  }
}

TEST_CASE("an input of zeros gives zeros") {
  for (const Case& kind : kinds_twice(66)) {
    Case test = kind;
    test.data = Data::zeros;
    Trial trial(memory_under_test(), test, 66);
    execute_and_verify(trial, test);
  }
}

TEST_CASE("small integers: g and u bit for bit") {
  std::vector<Case> cases;
  std::size_t number = 0;
  for (const std::int64_t d_model : {64, 97, 256}) {
    for (const Kind& kind : kinds_for(number++, 4)) {
      Case test = make_case(kind, d_model, d_model == 97 ? 71 : 136, {1, 100, 131});
      test.data = Data::integers;
      cases.push_back(test);
    }
  }
  check_cases(cases);
}

TEST_CASE("gates far out on both sides, and outputs that overflow") {
  // d_model is 1, so g and u are the weights themselves; from -87 down the sigmoid is denormal in f32 and below.
  constexpr double kGates[] = {0.0, -0.0, 1e-4, -1e-4, 0.5, -0.5, 3,   -3,   8,   -8,   17,    -17,    30,    -30,
                               60,  -60,  80,   -80,   86,  -86,  87,  -87,  88,  -88,  90,    -90,    95,    -95,
                               100, -100, 104,  -104,  110, -110, 200, -200, 300, -300, 10000, -10000, 60000, -60000};
  constexpr double kUps[] = {1.0, -1.0, 0.0, 3.5, 1e-3, -300.0, 2000.0};
  constexpr auto kRows = static_cast<std::int64_t>(std::size(kUps));
  std::vector<Case> cases;
  for (const Kind& kind : kKinds) {
    cases.push_back(make_case(kind, 1, static_cast<std::int64_t>(std::size(kGates)), {kRows}));
    cases.back().data = Data::custom;
    cases.back().passes = SWIGLU_PASS_FORWARD_STORE;
  }
  prepare_all(memory_under_test(), cases);
  for (const Case& test : cases) {
    for (std::int64_t row = 0; row < kRows; ++row) {  // one up for all gates; x is 1 in every row
      Trial trial(memory_under_test(), test, kRows);
      for (std::int64_t i = 0; i < kRows; ++i) {
        trial.x().matrix->set(i, 0, 1.0);
      }
      for (std::int64_t n = 0; n < test.d_intermediate; ++n) {
        set_weight(trial.w_gate(), test.layout, 0, n, kGates[n]);
        set_weight(trial.w_up(), test.layout, 0, n, kUps[row]);
      }
      execute_and_verify(trial, test);
    }
  }
}

TEST_CASE("denormal weights, gates and outputs are kept") {
  for (const Case& kind : kinds_twice(40)) {
    Case test = kind;
    test.data = Data::custom;
    const double smallest = test.dtype == SWIGLU_BF16 ? 0x1p-133 : 0x1p-24;
    Trial trial(memory_under_test(), test, 40);
    for (std::int64_t k = 0; k < test.d_model; ++k) {
      for (std::int64_t row = 0; row < 40; ++row) {
        trial.x().matrix->set(row, k, static_cast<double>((row + 3 * k) % 3) - 1);
      }
      for (std::int64_t n = 0; n < test.d_intermediate; ++n) {
        set_weight(trial.w_gate(), test.layout, k, n, smallest * (static_cast<double>((k * n + n) % 5) - 2));
        set_weight(trial.w_up(), test.layout, k, n, static_cast<double>((k + 2 * n) % 4) - 1);
      }
    }
    execute_and_verify(trial, test);
  }
}

}  // namespace swiglu_test
