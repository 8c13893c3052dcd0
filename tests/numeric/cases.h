// What the numeric tests share: every kind of problem the device under test serves, and the reporting of failed cases.
#pragma once

#include <doctest/doctest.h>

#include <vector>

#include "support/case.h"
#include "support/plan.h"

namespace swiglu_test {

// bf16 with f32 accumulators, f16 with each of its three, in both layouts.
struct Kind {
  swiglu_dtype dtype;
  swiglu_accum accum;
  swiglu_layout layout;
};
inline constexpr Kind kKinds[] = {
    {SWIGLU_BF16, SWIGLU_ACCUM_F32, SWIGLU_KN}, {SWIGLU_F16, SWIGLU_ACCUM_F32, SWIGLU_NK},
    {SWIGLU_F16, SWIGLU_ACCUM_F16, SWIGLU_KN},  {SWIGLU_F16, SWIGLU_ACCUM_F16_PROMOTED, SWIGLU_NK},
    {SWIGLU_BF16, SWIGLU_ACCUM_F32, SWIGLU_NK}, {SWIGLU_F16, SWIGLU_ACCUM_F32, SWIGLU_KN},
    {SWIGLU_F16, SWIGLU_ACCUM_F16, SWIGLU_NK},  {SWIGLU_F16, SWIGLU_ACCUM_F16_PROMOTED, SWIGLU_KN},
};

inline Case make_case(const Kind& kind, std::int64_t d_model, std::int64_t d_intermediate,
                      std::vector<std::int64_t> m) {
  Case test;
  test.dtype = kind.dtype;
  test.accum = kind.accum;
  test.layout = kind.layout;
  test.d_model = d_model;
  test.d_intermediate = d_intermediate;
  test.m = std::move(m);
  return test;
}

inline bool on_cpu() { return memory_under_test().device() == SWIGLU_DEVICE_CPU; }

// Some of the eight kinds, others for each shape. On a GPU each (case, pass) is a kernel to compile; the CPU device can
// take all, except where the arithmetic itself takes long.
inline std::vector<Kind> kinds_for(std::size_t shape_number, std::size_t count_on_gpu, std::size_t count_on_cpu = 8) {
  constexpr std::size_t kCount = std::size(kKinds);
  std::vector<Kind> kinds;
  const std::size_t count = on_cpu() ? count_on_cpu : count_on_gpu;
  for (std::size_t i = 0; i < count; ++i) {
    kinds.push_back(kKinds[(shape_number + i * (kCount / count)) % kCount]);
  }
  return kinds;
}

inline void check_cases(const std::vector<Case>& cases) {
  const std::vector<std::string> failures = run_cases(memory_under_test(), cases);
  for (const std::string& failure : failures) {
    FAIL_CHECK(failure);
  }
  CHECK_MESSAGE(failures.empty(), failures.size(), " of ", cases.size(), " cases failed");
}

}  // namespace swiglu_test
