// The forward pass as a contest: swiglu_execute against cuBLASLt's GEMM of the same operands, alone and followed by an
// activation kernel. Of a plan that stores g and u, swiglu does.
#pragma once

#include <swiglu/swiglu.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>

#include "tools/bench/contest.h"
#include "tools/bench/forward_operands.h"
#include "tools/bench/forward_oracle.h"
#include "tools/bench/laboratory.h"

namespace swiglu::tool {

class ForwardContest final : public Contest {
 public:
  // `plan` was made from `desc` (point_desc) and prepared for m. All references must outlive this.
  ForwardContest(const Laboratory& laboratory, ForwardOracle& oracle, const swiglu_plan_desc& desc, swiglu_plan* plan,
                 std::int64_t m, std::uint64_t seed);

  void enqueue(Contender contender, std::size_t set, cudaStream_t stream) override;
  Json check() override;
  void check_again() override;
  std::size_t bytes(Contender) const override { return sets_.front().swiglu_bytes(); }
  void make_sets(std::size_t count) override;
  int algorithms(Contender) const override { return gemm_.algorithms(); }
  void choose(Contender, int algorithm) override { chosen_ = algorithm; }

  // For passes that this one is part of.
  ForwardOperands& set(std::size_t index);
  void execute(std::size_t set, bool store, cudaStream_t stream);
  void activate(std::size_t set, cudaStream_t stream);  // unfused of what the GEMM left

 private:
  Json check_rows();
  Json check_whole(const char* what);

  const Laboratory& laboratory_;
  ForwardOracle& oracle_;
  swiglu_plan_desc desc_;
  swiglu_plan* plan_;
  std::int64_t m_;
  std::uint64_t seed_;
  CublasLtGemm gemm_;
  int chosen_ = 0;
  std::size_t workspace_bytes_ = 0;
  std::unique_ptr<DeviceBuffer> workspace_;
  std::list<ForwardOperands> sets_;
};

}  // namespace swiglu::tool
