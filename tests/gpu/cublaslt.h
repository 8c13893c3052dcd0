// cuBLASLt's GEMM [m, d_model] x [d_model, 2 d_intermediate], the yardstick of gpu_throughput: the products alone, no
// activation. Loaded with dlopen; where the library, or at build time its header, is missing, why() says so.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <string>

namespace swiglu_test {

struct GemmShape {
  bool is_bf16;
  bool is_kn;  // weights [d_model, 2 d_intermediate], else [2 d_intermediate, d_model]
  std::int64_t m;
  std::int64_t d_model;
  std::int64_t d_intermediate;
};

class CublasLtGemm {
 public:
  // Throws std::runtime_error saying what is missing. Takes the heuristic's first algorithm, as most callers do.
  explicit CublasLtGemm(const GemmShape& shape);
  ~CublasLtGemm();

  int algorithms() const;      // how many the heuristic offers, up to 8
  void choose(int algorithm);  // one of them
  std::string version() const;

  // x [m, d_model]; w both halves packed; y [m, 2 d_intermediate]; all dense.
  void enqueue(const void* x, const void* w, void* y, cudaStream_t stream);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace swiglu_test
