// A numeric test case as data, and a Trial: its buffers at one m, from filling them to judging the outputs. The same
// cases run on every device. A Trial is used from one thread; separate trials are independent.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/error_bound.h"
#include "support/guarded_matrix.h"
#include "support/memory.h"
#include "support/reference.h"

namespace swiglu_test {

enum class Packing {
  separate,
  gate_up,
  up_gate
};  // of the weights: two matrices, or halves of one along d_intermediate
enum class Data {
  normal,    // x ~ N(0, 1), weights ~ N(0, 1/d_model): g and u ~ N(0, 1)
  integers,  // small integers: every sum is exact in f32 and in f16, so g and u are known bit for bit
  zeros,     // x is zero
  custom     // all zero until the test sets elements; it chooses them so that g and u are exact, as for integers
};

struct Case {
  swiglu_dtype dtype = SWIGLU_BF16;
  swiglu_accum accum = SWIGLU_ACCUM_F32;
  swiglu_layout layout = SWIGLU_KN;
  std::int64_t d_model = 64;
  std::int64_t d_intermediate = 64;
  std::vector<std::int64_t> m = {64};  // executed in this order on one plan
  std::uint32_t passes = SWIGLU_PASS_FORWARD | SWIGLU_PASS_FORWARD_STORE;
  std::optional<swiglu_dtype> out_dtype;  // none: dtype
  Placement x;
  Placement weights;
  Placement outputs;  // out, g and u
  Packing packing = Packing::separate;
  bool packed_store = false;  // g and u are halves of one [m, 2 d_intermediate]
  Data data = Data::normal;
};

// As the library spells problems, then what else differs: "bf16_f32_65x17_kn m=1,64 x+3@1 gate|up"
std::string spelling(const Case& test);

swiglu_plan_desc plan_desc(const Case& test, std::int32_t device);

class Trial {
 public:
  Trial(Memory& memory, const Case& test, std::int64_t m);

  // Before upload(), a test may change any input here.
  MatrixView x() { return {x_.get(), 0, 0}; }
  MatrixView w_gate() const { return w_gate_; }
  MatrixView w_up() const { return w_up_; }
  MatrixView out() { return {out_.get(), 0, 0}; }
  MatrixView g() const { return g_; }
  MatrixView u() const { return u_; }

  // Inputs as they are, outputs poisoned, to the device.
  void upload();
  swiglu_forward_args args(std::uint32_t pass) const;

  // Downloads, and judges outputs, guard zones and inputs. Waits for the device. Empty: all is well.
  std::string verify(std::uint32_t pass);

  // After upload(): that execution has written nothing at all.
  std::string verify_untouched();

  void download_outputs();
  std::vector<std::byte> output_bytes(std::uint32_t pass);  // every element, after download_outputs()

  Operands operands() const;
  const Reference& reference();  // of some rows where all would take long; made once, from the inputs at that time
  void forget_reference() { reference_.reset(); }
  const Comparison& worst() const { return worst_; }  // of verify()'s comparisons of `out`

 private:
  void fill();
  std::string damage(std::uint32_t pass) const;

  Case test_;
  std::int64_t m_;
  swiglu_accum effective_accum_;  // the CPU device computes f16 accumulators in f32
  std::unique_ptr<GuardedMatrix> x_;
  std::vector<std::unique_ptr<GuardedMatrix>> weights_;
  std::unique_ptr<GuardedMatrix> out_;
  std::vector<std::unique_ptr<GuardedMatrix>> stored_;
  MatrixView w_gate_;
  MatrixView w_up_;
  MatrixView g_;
  MatrixView u_;
  std::optional<Reference> reference_;
  Comparison worst_;
};

// On a GPU: compiles what the cases will want, in parallel, for tests that then execute one after another. Failures
// show where a kernel is used.
void prepare_all(Memory& memory, const std::vector<Case>& cases);

// Executes every m and pass of a case on one plan, on the default stream, and judges each; with the workspace as well
// where one is wanted. Empty: all is well.
std::string run_case(Memory& memory, const Case& test);

// Many cases, several at a time where the device is a GPU (their kernels compile in parallel). One text per failed
// case.
std::vector<std::string> run_cases(Memory& memory, const std::vector<Case>& cases);

}  // namespace swiglu_test
