// What swiglu_plan_describe says of the backward passes as a whole.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "plan/description.h"
#include "plan/json.h"

namespace swiglu {

struct ApiPass {
  std::uint32_t bit;
  const char* name;
};
inline constexpr ApiPass kApiPasses[] = {{SWIGLU_PASS_FORWARD, "forward"},
                                         {SWIGLU_PASS_FORWARD_STORE, "forward_store"},
                                         {SWIGLU_PASS_BACKWARD, "backward"},
                                         {SWIGLU_PASS_BACKWARD_RECOMPUTE, "backward_recompute"}};

// Adds "backward": for each backward pass of the plan its workspace, and the bytes that are to be kept for it since the
// forward pass: x, and where they are stored g and u, rows dense. Nothing where there is no such pass.
inline void add_backward(Json& json, const PlanSpec& spec, std::int64_t m, std::size_t workspace_bytes) {
  for (const ApiPass& pass : kApiPasses) {
    if ((spec.passes & pass.bit) == 0 || pass.bit < SWIGLU_PASS_BACKWARD) {
      continue;
    }
    const std::int64_t x = std::int64_t{spec.d_model} * kElementBytes;
    const std::int64_t g_and_u =
        pass.bit == SWIGLU_PASS_BACKWARD ? std::int64_t{2} * spec.d_intermediate * element_bytes(spec.out_dtype) : 0;
    std::int64_t kept = 0;
    if (__builtin_mul_overflow(m, x + g_and_u, &kept)) {
      fail(SWIGLU_INVALID_ARGUMENT, "m is {}: what is kept for {} overflows 64 bits in bytes", m, pass.name);
    }
    json["backward"].push_back({{"pass", pass.name}, {"workspace_bytes", workspace_bytes}, {"kept_bytes", kept}});
  }
}

}  // namespace swiglu
