// Device operands of a backward problem, beside those of its forward pass: dout ~ N(0, 1), ours and the baseline's
// gradients, and the workspace. dWg and dWu are packed as the weights are, dg and du of the baseline as g and u.
#pragma once

#include <swiglu/swiglu.h>

#include <cstddef>
#include <cstdint>

#include "tools/bench/forward_operands.h"

namespace swiglu::tool {

// What one call of swiglu_execute_backward is for.
struct BackwardWish {
  bool recompute = false;  // g and u, from x
  bool dx = true;
  bool dw = true;
  bool dw_up = true;  // besides dWg
};

class BackwardOperands {
 public:
  // Set `set` of a problem: a function of the seed.
  BackwardOperands(const swiglu_plan_desc& desc, std::int64_t m, std::uint64_t seed, std::size_t set,
                   std::size_t workspace_bytes, const DeviceCode& code, cudaStream_t stream);

  // NaN into gradients, ours also into the workspace.
  void poison_ours(cudaStream_t stream) const;
  void poison_baseline(cudaStream_t stream) const;

  // For swiglu_execute_backward, of a plan that stores g and u.
  swiglu_backward_args args(const ForwardOperands& forward, const BackwardWish& wish) const;

  DeviceBuffer& dout() { return dout_; }
  DeviceBuffer& dx() { return dx_; }
  DeviceBuffer& dw() { return dw_; }
  DeviceBuffer& dgu() { return dgu_; }  // the baseline's [m, 2 d_intermediate]: a row of dg, then of du
  DeviceBuffer& baseline_dx() { return baseline_dx_; }
  DeviceBuffer& baseline_dw() { return baseline_dw_; }

  // A copy of so many bytes, from dgu and what lies behind it, moves as much as making dg and du does.
  std::size_t copy_bytes() const;
  DeviceBuffer& copied() { return copied_; }

 private:
  swiglu_plan_desc desc_;
  std::int64_t m_;
  std::size_t workspace_bytes_;
  DeviceBuffer dout_;
  DeviceBuffer dx_;
  DeviceBuffer dw_;
  DeviceBuffer dgu_;
  DeviceBuffer baseline_dx_;
  DeviceBuffer baseline_dw_;
  DeviceBuffer copied_;
  DeviceBuffer workspace_;
};

}  // namespace swiglu::tool
