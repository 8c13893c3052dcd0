// What a swiglu_plan_desc asks for, checked and with its defaults filled in. Pure: no device is looked at.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>

#include "swiglu/config.h"

namespace swiglu {

struct PlanSpec {
  DType dtype;
  swiglu_dtype out_dtype;  // of out, g, u, dout and dx; never 0
  swiglu_dtype dw_dtype;   // of dw_gate and dw_up; never 0
  swiglu_accum accum;
  Layout layout;
  std::uint32_t passes;  // never 0
  int d_model;
  int d_intermediate;
  // Elements from row to row; never 0, and in bytes within int64.
  std::int64_t ld_x;
  std::int64_t ld_w_gate;
  std::int64_t ld_w_up;
  std::int64_t ld_out;
  std::int64_t ld_g;
  std::int64_t ld_u;
  std::int64_t ld_dout;
  std::int64_t ld_dx;
  std::int64_t ld_dw_gate;
  std::int64_t ld_dw_up;
  int device;
  bool cached_only;
  bool measure;
  bool batch_invariant;
  bool ignores_records;
  double tuning_seconds;  // 0: by the settings
};

// Throws Error{INVALID_ARGUMENT}, or {NOT_SUPPORTED} for what only the CPU device serves; both name field and value.
PlanSpec check_description(const swiglu_plan_desc& desc);

int element_bytes(swiglu_dtype);

// Whether the plan's passes take kernels of this one.
bool wants(const PlanSpec&, Pass);

// The problem of one kernel's pass. f16 accumulators are promoted for dx, and f32 for what is summed over tokens. Its
// access_bytes is what the row pitches allow, for pointers aligned alike.
Problem problem_of(const PlanSpec&, Pass);

// The same for pointers that are aligned to their elements only.
Problem unaligned(Problem);

// The same for rows that are copied to multiples of 16 bytes.
Problem padded_rows(Problem);

// Whether rows of 16-bit elements at this distance have to be copied for that.
bool needs_padding(std::int64_t ld);

// Which of the plan's buckets serves m >= 1: bucket_of(m), or kEveryM (plan/bucket.h).
int bucket_for(const PlanSpec&, std::int64_t m);

}  // namespace swiglu
