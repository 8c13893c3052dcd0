// Device operands of a forward problem, made on the device: x ~ N(0, 1), weights ~ N(0, 1) / sqrt(d_model). The weights
// are one packed matrix, gate and up, which swiglu and the baseline's GEMM both read in place: [2 d_intermediate,
// d_model] in layout NK, [d_model, 2 d_intermediate] in KN.
#pragma once

#include <swiglu/swiglu.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "tools/bench/device_code.h"
#include "tools/bench/suites.h"
#include "tools/device_memory.h"

namespace swiglu::tool {

// The plan of a point: `kind` (types, layout, passes, device) with its sizes, and the pitches of packed weights and,
// for the backward passes, of gradients packed alike.
swiglu_plan_desc point_desc(const swiglu_plan_desc& kind, const BenchPoint& point);

inline bool stores_preactivations(const swiglu_plan_desc& desc) {
  return (desc.passes & SWIGLU_PASS_FORWARD_STORE) != 0;
}

// Of device buffers: whole vectors of 16 bytes, which the bench's kernels may fill and move.
std::size_t matrix_bytes(std::int64_t rows, std::int64_t columns);
void poison(const DeviceBuffer& buffer, std::size_t bytes, cudaStream_t stream);  // NaN in bf16 and in f16

// The up half of a matrix packed as the weights are, whose gate half is its begin.
void* up_half(const swiglu_plan_desc& desc, void* packed);

class ForwardOperands {
 public:
  // Set `set` of a problem: a function of the seed, and the weights not of m.
  ForwardOperands(const swiglu_plan_desc& desc, std::int64_t m, std::uint64_t seed, std::size_t set,
                  const DeviceCode& code, cudaStream_t stream);

  // NaN into every output.
  void poison(cudaStream_t stream) const;

  // For swiglu_execute, storing g and u where the plan can; the workspace is the caller's to add.
  swiglu_forward_args args() const;

  // What one execution of swiglu touches: inputs read once, outputs written once.
  std::size_t swiglu_bytes() const;

  const void* w_gate() const { return w_.get(); }
  const void* w_up() const { return up_half(desc_, w_.get()); }

  DeviceBuffer& x() { return x_; }
  DeviceBuffer& w() { return w_; }
  DeviceBuffer& gu() { return gu_; }            // the baseline's products [m, 2 d_intermediate]: a row of g, then of u
  DeviceBuffer& unfused() { return unfused_; }  // and what its activation makes of them [m, d_intermediate]

 private:
  swiglu_plan_desc desc_;
  std::int64_t m_;
  DeviceBuffer x_;
  DeviceBuffer w_;
  DeviceBuffer gu_;
  DeviceBuffer unfused_;
  DeviceBuffer out_;
  std::optional<DeviceBuffer> g_;
  std::optional<DeviceBuffer> u_;
};

}  // namespace swiglu::tool
