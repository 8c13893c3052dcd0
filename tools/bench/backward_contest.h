// The backward pass as a contest, alone and after the forward pass: swiglu_execute_backward, and its kernels one by
// one, against cuBLASLt's GEMMs of the same operands and element-wise kernels between them.
//
// The baseline has g and u, dg and du side by side in one matrix, and the weights packed, so that dx and dW are one
// GEMM each. A kernel of ours alone is the part of a captured execution that is left when the others are cut out: dx
// and dW without what makes dg and du, which they find in the workspace.
#pragma once

#include <swiglu/swiglu.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "tools/bench/backward_operands.h"
#include "tools/bench/backward_oracle.h"
#include "tools/bench/contest.h"
#include "tools/bench/forward_contest.h"
#include "tools/check.h"

namespace swiglu::tool {

class BackwardContest final : public Contest {
 public:
  // `plan` was made from `desc` (point_desc) for both forward and both backward passes, and prepared for m. All
  // references must outlive this.
  BackwardContest(const Laboratory& laboratory, ForwardOracle& oracle, const swiglu_plan_desc& desc, swiglu_plan* plan,
                  std::int64_t m, std::uint64_t seed);

  void enqueue(Contender contender, std::size_t set, cudaStream_t stream) override;
  Part part(Contender contender) const override;
  Json check() override;
  void check_again() override;
  std::size_t bytes(Contender contender) const override;
  void make_sets(std::size_t count) override;
  int algorithms(Contender gemm) const override;
  void choose(Contender gemm, int algorithm) override;

 private:
  BackwardOperands& set(std::size_t index);
  void execute(std::size_t set, const BackwardWish& wish, cudaStream_t stream);
  void dx_gemm(std::size_t set, int algorithm, cudaStream_t stream);
  void dw_gemm(std::size_t set, int algorithm, cudaStream_t stream);
  void elementwise(std::size_t set, cudaStream_t stream);
  void baseline(std::size_t set, bool best, cudaStream_t stream);

  Json check_ours(const char* what, const BackwardWish& wish);
  Json check_kernels(const char* what, Contender first, Contender rest, const BackwardWish& wish);
  Json check_whole(const std::string& what, const BackwardWish& wish);
  Json check_dx(const std::string& what, const void* dx, const Limits& limits);
  Json check_dw(const std::string& what, void* dw, const Limits& limits);
  void make_references();
  std::int64_t dx_terms() const { return 2 * desc_.d_intermediate; }
  swiglu_accum dx_accum() const;

  // float64 results of set 0.
  struct References {
    std::vector<std::int64_t> rows;  // of dx
    std::vector<double> dx;
    std::vector<std::int64_t> columns;  // of d_intermediate
    WeightGradients dw;
  };

  const Laboratory& laboratory_;
  ForwardOracle& oracle_;
  swiglu_plan_desc desc_;
  swiglu_plan* plan_;
  std::int64_t m_;
  std::uint64_t seed_;
  ForwardContest forward_;
  CublasLtGemm dx_gemm_;
  CublasLtGemm dw_gemm_;
  int chosen_dx_ = 0;
  int chosen_dw_ = 0;
  std::size_t workspace_bytes_ = 0;
  std::list<BackwardOperands> sets_;
  References references_;
};

}  // namespace swiglu::tool
