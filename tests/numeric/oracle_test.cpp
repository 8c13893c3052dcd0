// The oracle itself (CPU device, F64 accumulators and outputs) against a plain double loop, and what else the CPU
// device alone offers. Not part of the GPU's tests.
#include <cmath>

#include "numeric/cases.h"
#include "support/backward_case.h"
#include "support/number_format.h"

namespace swiglu_test {
namespace {

// Sums of n products in double differ by at most n 2^-53 of the sum of magnitudes, which |x||w| bounds; both sides err.
void check_same(const Reference& oracle, const Reference& naive, const std::string& what) {
  REQUIRE(oracle.out.size() == naive.out.size());
  for (std::size_t i = 0; i < naive.out.size(); ++i) {
    const auto columns = static_cast<std::size_t>(naive.d_intermediate);
    const double scale = 0x1p-52 * static_cast<double>(naive.d_model + 8) * naive.x_norm[i / columns];
    const double dg = scale * naive.gate_norm[i % columns];
    const double du = scale * naive.up_norm[i % columns];
    const double dout =
        1.1 * std::fabs(naive.u[i]) * dg + std::fabs(naive.g[i]) * du + 0x1p-50 * std::fabs(naive.out[i]);
    const bool is_same = std::fabs(oracle.g[i] - naive.g[i]) <= dg && std::fabs(oracle.u[i] - naive.u[i]) <= du &&
                         std::fabs(oracle.out[i] - naive.out[i]) <= dout;
    REQUIRE_MESSAGE(is_same, what, ": element ", i, ": oracle ", oracle.g[i], " ", oracle.u[i], " ", oracle.out[i],
                    ", plain loop ", naive.g[i], " ", naive.u[i], " ", naive.out[i]);
  }
}

}  // namespace

TEST_CASE("the f64 oracle agrees with a plain double loop") {
  constexpr std::pair<std::int64_t, std::int64_t> kShapes[] = {{1, 1}, {17, 5}, {64, 130}, {300, 33}, {513, 129}};
  for (const Kind& kind : kKinds) {
    for (const auto& [d_model, d_intermediate] : kShapes) {
      Case test = make_case(kind, d_model, d_intermediate, {99});
      test.x = {3, 1};
      test.weights = {5, 1};
      test.packing = d_model % 2 == 0 ? Packing::up_gate : Packing::separate;
      Trial trial(memory_under_test(), test, 99);
      const std::vector<std::int64_t> rows = d_model > 100 ? sample_rows(99, 20) : sample_rows(99, 99);
      check_same(oracle_reference(trial.operands(), rows), naive_reference(trial.operands(), rows), spelling(test));
    }
  }
}

TEST_CASE("every output type and accumulator of the CPU device") {
  std::vector<Case> cases;
  for (const Kind& kind : {kKinds[0], kKinds[1]}) {
    for (const swiglu_accum accum : {SWIGLU_ACCUM_F32, SWIGLU_ACCUM_F64}) {
      for (const swiglu_dtype out_dtype : {kind.dtype, SWIGLU_F32, SWIGLU_F64}) {
        Case test = make_case(kind, 150, 70, {1, 65});
        test.accum = accum;
        test.out_dtype = out_dtype;
        test.outputs = {3, 1};
        cases.push_back(test);
      }
    }
  }
  check_cases(cases);
}

TEST_CASE("the gradients of every output type and accumulator of the CPU device") {
  for (const Kind& kind : {kKinds[0], kKinds[1]}) {
    for (const swiglu_accum accum : {SWIGLU_ACCUM_F32, SWIGLU_ACCUM_F64}) {
      for (const swiglu_dtype out_dtype : {kind.dtype, SWIGLU_F32, SWIGLU_F64}) {
        for (const swiglu_dtype dw_dtype : {kind.dtype, SWIGLU_F64}) {
          BackwardCase test{make_case(kind, 70, 133, {1, 65}), dw_dtype, {3, 1}};
          test.base.accum = accum;
          test.base.out_dtype = out_dtype;
          test.base.outputs = {3, 1};
          const std::string failure = run_case(memory_under_test(), test, both_modes());
          CHECK_MESSAGE(failure.empty(), failure);
        }
      }
    }
  }
}

}  // namespace swiglu_test
