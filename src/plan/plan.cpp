#include "plan/plan.h"

#include "base/error.h"
#include "plan/bucket.h"
#include "plan/cpu_plan.h"
#include "plan/cuda_plan.h"

namespace swiglu {

void Plan::prepare(std::int64_t m) {
  if (m > 0) {
    prepare_bucket(bucket_for(spec_, m));
  } else if (m == 0) {
    prepare_no_tokens();
  }
}

void Plan::execute(const swiglu_forward_args& args, void* stream) {
  if (args.m < 0) {
    fail(SWIGLU_INVALID_ARGUMENT, "m is {}; it must be 0 or more", args.m);
  }
  if (args.m > 0) {
    const Pass pass = forward_pass(spec_, args);
    const std::size_t wanted = args.workspace_size > 0 ? forward_workspace(pass, args.m) : 0;  // else it is not lent
    run(check_execution(spec_, pass, args, wanted), stream);
  }
}

void Plan::execute_backward(const swiglu_backward_args& args, void* stream) {
  if (args.m < 0) {
    fail(SWIGLU_INVALID_ARGUMENT, "m is {}; it must be 0 or more", args.m);
  }
  const BackwardExecution execution = check_backward(spec_, args, backward_workspace(args.m));
  const bool nothing = args.m == 0 && execution.params.accumulate != 0;
  if (!nothing && (execution.wants_dx() || execution.wants_dw())) {
    run_backward(execution, stream);
  }
}

std::size_t Plan::workspace_size(std::uint32_t pass, std::int64_t m) const {
  if (pass != SWIGLU_PASS_FORWARD && pass != SWIGLU_PASS_FORWARD_STORE && pass != SWIGLU_PASS_BACKWARD &&
      pass != SWIGLU_PASS_BACKWARD_RECOMPUTE) {
    fail(SWIGLU_INVALID_ARGUMENT,
         "pass is {:#x}; it must be one of SWIGLU_PASS_FORWARD (1), SWIGLU_PASS_FORWARD_STORE (2), "
         "SWIGLU_PASS_BACKWARD (4), SWIGLU_PASS_BACKWARD_RECOMPUTE (8)",
         pass);
  }
  if ((pass & spec_.passes) == 0) {
    fail(SWIGLU_INVALID_ARGUMENT, "pass is {:#x}, and the plan was made with passes = {:#x}", pass, spec_.passes);
  }
  if (m < 0) {
    fail(SWIGLU_INVALID_ARGUMENT, "m is {}; it must be 0 or more", m);
  }
  switch (pass) {
    case SWIGLU_PASS_FORWARD:
      return most_forward_workspace(Pass::forward, m);
    case SWIGLU_PASS_FORWARD_STORE:
      return most_forward_workspace(Pass::forward_store, m);
    default:
      return most_backward_workspace(m);
  }
}

// What it takes grows with m, but some buckets take nothing.
std::size_t Plan::most_forward_workspace(Pass pass, std::int64_t m) const {
  std::size_t bytes = 0;
  while (m > 0 && bytes == 0) {
    bytes = forward_workspace(pass, m);
    m = bucket_range(bucket_for(spec_, m)).first - 1;
  }
  return bytes;
}

std::string Plan::describe(std::int64_t m) {
  if (m < 1) {
    fail(SWIGLU_INVALID_ARGUMENT, "m is {}; there is something to describe from 1 up", m);
  }
  const int bucket = bucket_for(spec_, m);
  prepare_bucket(bucket);
  return describe_bucket(bucket, m);
}

std::unique_ptr<Plan> make_plan(const swiglu_plan_desc& desc) {
  const PlanSpec spec = check_description(desc);
  if (spec.device == SWIGLU_DEVICE_CPU) {
    return make_cpu_plan(spec);
  }
  return make_cuda_plan(spec);
}

}  // namespace swiglu
