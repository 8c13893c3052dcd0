// A plan: what swiglu_plan stands for. One class per kind of device behind it; the checks are common.
//
// Every member function may be called from any thread at any time. execute() on a prepared m takes no lock and
// allocates nothing.
#pragma once

#include <swiglu/swiglu.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "plan/backward_execution.h"
#include "plan/description.h"
#include "plan/execution.h"

namespace swiglu {

class Plan {
 public:
  virtual ~Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  // m < 0 prepares nothing.
  void prepare(std::int64_t m);
  void execute(const swiglu_forward_args& args, void* stream);
  void execute_backward(const swiglu_backward_args& args, void* stream);
  std::size_t workspace_size(std::uint32_t pass, std::int64_t m) const;  // suffices for every m up to this one
  std::string describe(std::int64_t m);                                  // m >= 1

 protected:
  explicit Plan(const PlanSpec& spec) : spec_(spec) {}
  const PlanSpec& spec() const { return spec_; }

 private:
  virtual void prepare_bucket(int bucket) = 0;
  virtual void prepare_no_tokens() = 0;
  virtual void run(const Execution& execution, void* stream) = 0;                   // params.m >= 1
  virtual void run_backward(const BackwardExecution& execution, void* stream) = 0;  // something is wanted
  // What this m takes. Both throw Error{INVALID_ARGUMENT} where the bytes overflow. `pass`: forward or forward_store.
  virtual std::size_t forward_workspace(Pass pass, std::int64_t m) const = 0;
  virtual std::size_t backward_workspace(std::int64_t m) const = 0;
  // What every m up to this one takes.
  virtual std::size_t most_backward_workspace(std::int64_t m) const { return backward_workspace(m); }
  virtual std::string describe_bucket(int bucket, std::int64_t m) = 0;

  std::size_t most_forward_workspace(Pass pass, std::int64_t m) const;

  PlanSpec spec_;
};

// Checks the description and opens the device.
std::unique_ptr<Plan> make_plan(const swiglu_plan_desc& desc);

}  // namespace swiglu
