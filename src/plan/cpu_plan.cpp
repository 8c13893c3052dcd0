#include "plan/cpu_plan.h"

#include "base/error.h"
#include "base/settings.h"
#include "base/spelling.h"
#include "cpu/backward.h"
#include "cpu/forward.h"
#include "plan/backward_json.h"
#include "plan/bucket.h"
#include "plan/json.h"

namespace swiglu {
namespace {

cpu::OutType out_type_of(swiglu_dtype dtype) {
  switch (dtype) {
    case SWIGLU_BF16:
      return cpu::OutType::bf16;
    case SWIGLU_F16:
      return cpu::OutType::f16;
    case SWIGLU_F64:
      return cpu::OutType::f64;
    default:
      return cpu::OutType::f32;
  }
}

class CpuPlan : public Plan {
 public:
  explicit CpuPlan(const PlanSpec& spec)
      : Plan(spec), accumulate_(spec.accum == SWIGLU_ACCUM_F64 ? cpu::Accumulate::f64 : cpu::Accumulate::f32) {}

 private:
  void prepare_bucket(int) override {}
  void prepare_no_tokens() override {}

  void run(const Execution& execution, void*) override {
    cpu::forward(problem_of(spec(), execution.pass), accumulate_, out_type_of(spec().out_dtype), execution.params,
                 settings().cpu_threads);
  }

  void run_backward(const BackwardExecution& execution, void*) override {
    cpu::backward(problem_of(spec(), Pass::forward),
                  {accumulate_, out_type_of(spec().out_dtype), out_type_of(spec().dw_dtype)}, execution.params,
                  execution.workspace, settings().cpu_threads);
  }

  std::size_t forward_workspace(Pass, std::int64_t) const override { return 0; }

  std::size_t backward_workspace(std::int64_t m) const override {
    std::size_t bytes = 0;
    if (!cpu::backward_workspace(problem_of(spec(), Pass::forward), accumulate_, m, &bytes)) {
      fail(SWIGLU_INVALID_ARGUMENT, "m is {}: the workspace for d_intermediate = {} overflows 64 bits in bytes", m,
           spec().d_intermediate);
    }
    return bytes;
  }

  std::string describe_bucket(int bucket, std::int64_t m) override {
    Json kernels = Json::array();
    for (const ApiPass& pass : kApiPasses) {
      if ((spec().passes & pass.bit) != 0) {
        kernels.push_back({{"pass", pass.name},
                           {"family", "cpu"},
                           {"accumulate", accumulate_ == cpu::Accumulate::f64 ? "f64" : "f32"},
                           {"why", "the CPU device has one kernel"}});
      }
    }
    Json json{{"problem", print(problem_of(spec(), Pass::forward))},
              {"device", {{"kind", "cpu"}, {"name", "CPU"}, {"threads", settings().cpu_threads}}},
              {"m", m},
              {"bucket", bucket_json(bucket)},
              {"kernels", std::move(kernels)}};
    add_backward(json, spec(), m, backward_workspace(m));
    return to_text(json);
  }

  cpu::Accumulate accumulate_;
};

}  // namespace

std::unique_ptr<Plan> make_cpu_plan(const PlanSpec& spec) { return std::make_unique<CpuPlan>(spec); }

}  // namespace swiglu
