// A numeric case of the backward pass as data, and a BackwardTrial: its buffers at one m, from filling them to judging
// the gradients. The same cases run on every device. A trial is used from one thread; separate trials are independent.
//
// The reference is made of plain double loops over what the device is given: dg and du of every token, then the rows of
// dx and of the weights' gradients that are worth their time. How much a result may differ from it: backward_bound.h.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/backward_bound.h"
#include "support/case.h"
#include "support/guarded_matrix.h"
#include "support/memory.h"

namespace swiglu_test {

struct BackwardCase {
  Case base;  // dtype, accum, layout, extents, m, out_dtype; placements of x, weights, and of dout, g, u and dx
              // (outputs)
  std::optional<swiglu_dtype> dw_dtype;  // none: out_dtype
  Placement dw;
};

// One execution of it.
struct Wanted {
  bool recompute = false;
  bool dx = true;
  bool dw_gate = true;
  bool dw_up = true;
  int beta = 0;
};

std::string spelling(const BackwardCase& test);
std::string spelling(const Wanted& wanted);
swiglu_plan_desc plan_desc(const BackwardCase& test, std::int32_t device);

class BackwardTrial {
 public:
  BackwardTrial(Memory& memory, const BackwardCase& test, std::int64_t m, swiglu_plan* plan);

  // Before upload(), a test may change any input here, and then make g and u anew from x, or leave them.
  MatrixView x() { return {x_.get(), 0, 0}; }
  MatrixView w_gate() { return {w_gate_.get(), 0, 0}; }
  MatrixView w_up() { return {w_up_.get(), 0, 0}; }
  MatrixView dout() { return {dout_.get(), 0, 0}; }
  MatrixView g() { return {g_.get(), 0, 0}; }
  MatrixView u() { return {u_.get(), 0, 0}; }
  MatrixView dx() { return {dx_.get(), 0, 0}; }
  MatrixView dw_gate() { return {dw_gate_.get(), 0, 0}; }
  MatrixView dw_up() { return {dw_up_.get(), 0, 0}; }
  void store_pre_activations();

  // Inputs as they are, outputs poisoned; where they are added to, small numbers.
  void upload(const Wanted& wanted);
  swiglu_backward_args args(const Wanted& wanted) const;

  // Downloads, and judges gradients, guard zones, inputs, and what was not wanted. Waits for the device. Empty: well.
  std::string verify(const Wanted& wanted);

  void download();
  std::vector<std::byte> output_bytes() const;  // of all gradients, after download()

 private:
  Gradients gradients(bool recompute) const;
  std::string damage(const Wanted& wanted) const;

  BackwardCase test_;
  std::int64_t m_;
  bool on_cpu_;
  std::unique_ptr<GuardedMatrix> x_, w_gate_, w_up_, dout_, g_, u_, dx_, dw_gate_, dw_up_, workspace_;
};

// Executes every m on one plan, each in every way of `wanted`, and judges each. Empty: all is well.
std::string run_case(Memory& memory, const BackwardCase& test, const std::vector<Wanted>& wanted);

// Many cases, several at a time where the device is a GPU (their kernels compile in parallel). One text per failed
// case.
std::vector<std::string> run_cases(Memory& memory, const std::vector<BackwardCase>& cases,
                                   const std::vector<Wanted>& wanted);

// From stored and from recomputed pre-activations, all gradients.
std::vector<Wanted> both_modes();

}  // namespace swiglu_test
