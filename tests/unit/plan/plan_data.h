// What tests of plans without a device share: a description, and addresses that nothing is read from.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>

namespace swiglu {

inline void* address(std::uintptr_t value) { return reinterpret_cast<void*>(value); }

// f16 with f16 sums, kn, rows without padding, for device 0.
inline swiglu_plan_desc f16_description(std::uint32_t passes, std::int64_t d_model, std::int64_t d_intermediate) {
  swiglu_plan_desc desc{};
  desc.struct_size = sizeof desc;
  desc.dtype = SWIGLU_F16;
  desc.accum = SWIGLU_ACCUM_F16;
  desc.weight_layout = SWIGLU_KN;
  desc.passes = passes;
  desc.d_model = d_model;
  desc.d_intermediate = d_intermediate;
  desc.device = 0;
  return desc;
}

}  // namespace swiglu
