#include "plan/cuda_plan.h"

#include <array>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/spelling.h"
#include "cuda/launch.h"
#include "kernels/kernels.h"
#include "plan/backward_json.h"
#include "plan/backward_steps.h"
#include "plan/json.h"
#include "plan/kernel_table.h"
#include "plan/selection.h"

namespace swiglu {
namespace {

class CudaPlan : public Plan {
 public:
  explicit CudaPlan(const PlanSpec& spec) : Plan(spec), device_(Device::get(spec.device)) {}

 private:
  void prepare_bucket(int bucket) override {
    for (const Slot& slot : slots(bucket)) {
      kernel(slot);
    }
  }

  void prepare_no_tokens() override {
    if (wants(spec(), Pass::dw_sum)) {
      for (const Slot& slot : slots_of(Pass::dw_sum, 0)) {
        kernel(slot);
      }
    }
  }

  void run(const Execution& execution, void* stream) override {
    const CurrentContext current(device_);
    ready({execution.pass, execution.aligned, bucket_of(execution.params.m)}, execution.params.m, stream)
        .launch(execution.params, stream);
  }

  void run_backward(const BackwardExecution& execution, void* stream) override {
    const CurrentContext current(device_);
    const BackwardSteps steps(spec(), execution, device_.spec().multiprocessors);
    std::array<const Kernel*, 4> kernels{};
    std::size_t count = 0;
    for (const BackwardStep& step : steps.get()) {
      const Kernel& found = ready(slot_of(step.pass, step.aligned, step.params.m), step.params.m, stream);
      found.check(step.params);
      kernels[count++] = &found;
    }
    count = 0;
    for (const BackwardStep& step : steps.get()) {
      kernels[count++]->launch(step.params, stream);
    }
  }

  std::size_t backward_workspace(std::int64_t m) const override {
    const bool backward = wants(spec(), Pass::dw_sum);
    return backward ? backward_layout(spec(), m, device_.spec().multiprocessors).bytes : 0;
  }

  // The slot's kernel. Unprepared under capture: Error{NOT_PREPARED}, and the capture stays valid.
  const Kernel& ready(const Slot& slot, std::int64_t m, void* stream) {
    if (const Kernel* found = table_.find(slot)) {
      return *found;
    }
    if (is_capturing(static_cast<CUstream>(stream), device_)) {
      fail(SWIGLU_NOT_PREPARED,
           "the stream is being captured, and m = {} of {} was not prepared: call swiglu_plan_prepare before the "
           "capture begins",
           m, print(problem(slot)));
    }
    return *kernel(slot);
  }

  std::string describe_bucket(int bucket, std::int64_t m) override {
    Json kernels = Json::array();
    for (const Slot& slot : slots(bucket)) {
      kernels.push_back(describe_kernel(slot));
    }
    Json json{{"problem", print(problem({Pass::forward, true, bucket}))},
              {"device",
               {{"kind", "cuda"},
                {"ordinal", device_.ordinal()},
                {"name", device_.spec().name},
                {"arch", device_.arch().name},
                {"multiprocessors", device_.spec().multiprocessors}}},
              {"m", m},
              {"bucket", bucket_json(bucket)},
              {"kernels", std::move(kernels)}};
    add_backward(json, spec(), m, backward_workspace(m));
    if (json.contains("backward")) {
      for (Json& pass : json["backward"]) {
        pass["token_splits"] = backward_split(spec(), 2, m, device_.spec().multiprocessors).splits;
      }
    }
    return to_text(json);
  }

  // Every slot that executing an m of the bucket may want.
  std::vector<Slot> slots(int bucket) const {
    std::vector<Slot> wanted;
    for (int pass = 0; pass < kPasses; ++pass) {
      if (wants(spec(), static_cast<Pass>(pass))) {
        const std::vector<Slot> of_pass = slots_of(static_cast<Pass>(pass), bucket);
        wanted.insert(wanted.end(), of_pass.begin(), of_pass.end());
      }
    }
    return wanted;
  }

  // One alignment where the pitches allow no better one.
  std::vector<Slot> slots_of(Pass pass, int bucket) const {
    const int kept = is_product(pass) ? bucket : 0;
    std::vector<Slot> wanted{{pass, true, kept}};
    if (problem_of(spec(), pass).access_bytes != kElementBytes) {
      wanted.push_back({pass, false, kept});
    }
    return wanted;
  }

  // What is computed element by element has one kernel for all m, of 0 too.
  static Slot slot_of(Pass pass, bool aligned, std::int64_t m) {
    return {pass, aligned, is_product(pass) ? bucket_of(m) : 0};
  }

  Problem problem(const Slot& slot) const {
    const Problem aligned = problem_of(spec(), slot.pass);
    return slot.aligned ? aligned : unaligned(aligned);
  }

  // The slot's kernel, found or compiled now if need be. A candidate that does not compile cleanly, or where compiling
  // is not allowed is not cached, gives way to the next; if all fail, the first one's error is what the caller hears.
  const Kernel* kernel(const Slot& slot) {
    if (const Kernel* ready = table_.find(slot)) {
      return ready;
    }
    const bool cached_only = spec().cached_only;
    const auto choices = selection(problem(slot), representative(slot.bucket), device_.arch(), device_.spec(),
                                   cached_only ? Fallback::all : Fallback::few);
    const swiglu_status gives_way = cached_only ? SWIGLU_NOT_CACHED : SWIGLU_COMPILE_FAILED;
    std::optional<Error> first_error;
    for (const Choice& choice : choices) {
      try {
        auto loaded = get_kernel(choice.config, device_, cached_only ? Policy::cached_only : Policy::compile);
        return table_.put(slot, std::move(loaded), choice.estimate.why);
      } catch (const Error& error) {
        if (error.status() != gives_way) {
          throw;
        }
        log().write(cached_only ? SWIGLU_LOG_INFO : SWIGLU_LOG_WARNING, "{} is passed over on {}: {}",
                    print(choice.config), device_.spec().name, error.what());
        if (!first_error) {
          first_error = error;
        }
      }
    }
    throw Error(*first_error);
  }

  Json describe_kernel(const Slot& slot) {
    const Kernel* ready = kernel(slot);
    const KernelConfig& config = ready->config();
    const Cubin& cubin = ready->cubin();
    return {{"pass", name(slot.pass)},
            {"alignment", config.problem.access_bytes},
            {"config", print(config)},
            {"family", name(config.family)},
            {"tile", print(config.tile)},
            {"threads", threads(config)},
            {"why", table_.why(slot)},
            {"registers", cubin.entry.registers},
            {"spill_bytes", cubin.entry.spill_bytes},
            {"shared_bytes", cubin.entry.shared_bytes},
            {"origin", name(cubin.origin)},
            {"compile_milliseconds", cubin.entry.compile_milliseconds}};
  }

  const Device& device_;
  KernelTable table_;
};

}  // namespace

std::unique_ptr<Plan> make_cuda_plan(const PlanSpec& spec) { return std::make_unique<CudaPlan>(spec); }

}  // namespace swiglu
