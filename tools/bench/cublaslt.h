// The yardstick: cuBLASLt's GEMM of dense matrices; f32 compute, outputs of the inputs' type. The products alone: no
// activation.
//
// Loaded at run time, from its header's declarations; a build without the header knows the classes, and constructing
// one is a Failure. Not thread-safe.
#pragma once

#include <swiglu/swiglu.h>

#include <memory>
#include <string>
#include <vector>

#include "tools/bench/gemm_shape.h"
#include "tools/device_memory.h"

namespace swiglu::tool {

class CublasLt {
 public:
  // Loads the library and makes a handle for the current device. `path` "": searched, also in the folders of `beside`.
  CublasLt(const std::string& path, const std::vector<std::string>& beside);
  ~CublasLt();

  std::string version() const;  // "13.1.1"
  std::string path() const;

  struct State;
  State& state() const { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

class CublasLtGemm {
 public:
  static constexpr int kMostAlgorithms = 8;

  // Asks the heuristic for up to kMostAlgorithms; a Failure where it has none.
  CublasLtGemm(const CublasLt& library, swiglu_dtype dtype, const GemmShape& shape);
  ~CublasLtGemm();

  int algorithms() const;

  // `algorithm` counts from 0, the heuristic's first choice, which is what a caller gets who does not measure. All use
  // one workspace: one at a time.
  void enqueue(int algorithm, const void* a, const void* b, void* c, cudaStream_t stream) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace swiglu::tool
