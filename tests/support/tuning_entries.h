// Made-up tuning records.
#pragma once

#include "store/tuning_record.h"

namespace swiglu::test {

inline TuningEnvironment made_up_environment() {
  TuningEnvironment environment;
  environment.gpu = "NVIDIA H200";
  environment.compute_capability = 90;
  environment.multiprocessors = 132;
  environment.generator = 1;
  environment.compiler = "65be0db342ad51a06876e71e210bccc5aa8322cf";
  environment.policy = "burst 1";
  return environment;
}

inline TuningEntry made_up_tuning(int d_model = 4096, std::int64_t first_m = 4097, std::int64_t last_m = 8192) {
  TuningEntry entry;
  entry.environment = made_up_environment();
  entry.record.config = {{DType::bf16, Accum::f32, Layout::nk, Pass::forward, d_model, 14336, 16},
                         Family::wgmma_sm90,
                         {128, 104, 64, 4, 4, 1, 16}};
  entry.record.first_m = first_m;
  entry.record.last_m = last_m;
  entry.record.measured_m = last_m == 0 ? 2 * first_m : last_m;
  entry.record.microseconds = 2265.125;
  entry.record.paper_microseconds = 2301.5;
  entry.record.candidates = 21;
  entry.record.finished = true;
  entry.record.budget_seconds = 3;
  return entry;
}

}  // namespace swiglu::test
