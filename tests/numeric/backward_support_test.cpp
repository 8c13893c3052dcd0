// The instruments of the backward pass: gradients computed as a GPU would, with dg and du rounded to 16 bits, are
// within the bounds of backward_bound.h, and every kind of wrong gradient is not. Not part of the GPU's tests.
#include <cmath>

#include "numeric/cases.h"
#include "support/backward_case.h"
#include "support/number_format.h"

namespace swiglu_test {
namespace {

// Host memory that passes for a GPU's, so that a trial allows what a GPU's kernels lose. No plan is executed on it.
class PretendedDevice final : public Memory {
 public:
  std::int32_t device() const override { return 0; }
  void* allocate(std::size_t bytes) override { return host_.allocate(bytes); }
  void release(void* pointer) override { host_.release(pointer); }
  void upload(void* to, const void* from, std::size_t bytes) override { host_.upload(to, from, bytes); }
  void download(void* to, const void* from, std::size_t bytes) override { host_.download(to, from, bytes); }

 private:
  HostMemory host_;
};

// What goes wrong.
enum class Defect { none, coarse_dg, first_token_twice, swapped, no_last_column, scaled_block };

void set(void* matrix, std::int64_t ld, swiglu_dtype dtype, std::int64_t row, std::int64_t column, double value) {
  encode(dtype, value, static_cast<std::byte*>(matrix) + static_cast<std::size_t>(row * ld + column) * bytes_of(dtype));
}

// Writes gradients to the trial's "device", from its inputs, with plain loops.
void pretend(BackwardTrial& trial, const BackwardCase& test, std::int64_t m, Defect defect) {
  const Case& base = test.base;
  const bool kn = base.layout == SWIGLU_KN;
  NumberFormat format = format_of(base.dtype);
  format.precision -= defect == Defect::coarse_dg ? 1 : 0;
  std::vector<double> dg;
  std::vector<double> du;
  for (std::int64_t row = 0; row < m; ++row) {
    for (std::int64_t i = 0; i < base.d_intermediate; ++i) {
      const double g = trial.g().at(row, i);
      const double dout = trial.dout().at(row, i);
      dg.push_back(round_to(format, dout * trial.u().at(row, i) * silu_derivative(g)));
      du.push_back(round_to(format, dout * silu(g)));
    }
  }
  if (defect == Defect::swapped) {
    dg.swap(du);
  }
  const auto at = [&](const std::vector<double>& of, std::int64_t row, std::int64_t i) {
    return of[static_cast<std::size_t>(row * base.d_intermediate + i)];
  };
  const std::int64_t depth = base.d_intermediate - (defect == Defect::no_last_column ? 1 : 0);
  for (std::int64_t row = 0; row < m; ++row) {
    for (std::int64_t d = 0; d < base.d_model; ++d) {
      double sum = 0;
      for (std::int64_t i = 0; i < depth; ++i) {
        sum += at(dg, row, i) * trial.w_gate().at(kn ? d : i, kn ? i : d);
        sum += at(du, row, i) * trial.w_up().at(kn ? d : i, kn ? i : d);
      }
      const bool scaled = defect == Defect::scaled_block && row < 64 && d < 64;
      set(trial.dx().device(), trial.dx().leading_dimension(), base.dtype, row, d, scaled ? 1.005 * sum : sum);
    }
  }
  for (std::int64_t d = 0; d < base.d_model; ++d) {
    for (std::int64_t i = 0; i < base.d_intermediate; ++i) {
      double gate = 0;
      double up = 0;
      for (std::int64_t row = 0; row < m; ++row) {
        const double x = trial.x().at(row, d) * (defect == Defect::first_token_twice && row == 0 ? 2 : 1);
        gate += x * at(dg, row, i);
        up += x * at(du, row, i);
      }
      const swiglu_dtype dtype = test.dw_dtype.value_or(base.dtype);
      const std::int64_t row = kn ? d : i;
      const std::int64_t column = kn ? i : d;
      set(trial.dw_gate().device(), trial.dw_gate().leading_dimension(), dtype, row, column, gate);
      set(trial.dw_up().device(), trial.dw_up().leading_dimension(), dtype, row, column, up);
    }
  }
}

std::string judge(const BackwardCase& test, Defect defect) {
  PretendedDevice memory;
  const std::int64_t m = test.base.m.front();
  const Plan plan = make_plan(plan_desc(test, SWIGLU_DEVICE_CPU));
  BackwardTrial trial(memory, test, m, plan.get());
  trial.upload(Wanted{});
  pretend(trial, test, m, defect);
  return trial.verify(Wanted{});
}

}  // namespace

TEST_CASE("backward bounds: dg and du rounded once are within them, whatever the shape") {
  constexpr std::pair<std::int64_t, std::int64_t> kShapes[] = {{130, 70}, {64, 1}, {1, 64}, {40, 257}, {3, 3}};
  for (const auto& [d_model, d_intermediate] : kShapes) {
    for (const Kind& kind : {kKinds[0], kKinds[1], kKinds[2]}) {
      for (const std::int64_t m : {1, 2, 129}) {
        for (const std::optional<swiglu_dtype> dw_dtype : {std::optional<swiglu_dtype>(), std::optional(SWIGLU_F32)}) {
          const BackwardCase test{make_case(kind, d_model, d_intermediate, {m}), dw_dtype, {}};
          const std::string failure = judge(test, Defect::none);
          CHECK_MESSAGE(failure.empty(), spelling(test), ": ", failure);
        }
      }
    }
  }
}

TEST_CASE("backward bounds: a coarser dg, a token too many, swapped halves, a lost column, a wrong block are seen") {
  for (const Kind& kind : {kKinds[0], kKinds[1]}) {
    const BackwardCase test{make_case(kind, 130, 140, {150}), SWIGLU_F32, {}};
    for (const Defect defect : {Defect::coarse_dg, Defect::first_token_twice, Defect::swapped, Defect::no_last_column,
                                Defect::scaled_block}) {
      CHECK_MESSAGE(judge(test, defect) != "", spelling(test), ": defect ", static_cast<int>(defect));
    }
  }
}

}  // namespace swiglu_test
