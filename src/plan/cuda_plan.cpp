#include "plan/cuda_plan.h"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/settings.h"
#include "base/spelling.h"
#include "cuda/launch.h"
#include "kernels/kernels.h"
#include "plan/backward_json.h"
#include "plan/backward_steps.h"
#include "plan/dgate_choice.h"
#include "plan/json.h"
#include "plan/kernel_table.h"
#include "plan/padding.h"
#include "plan/padding_choice.h"
#include "plan/selection.h"
#include "tune/tuned.h"

namespace swiglu {
namespace {

class CudaPlan : public Plan {
 public:
  explicit CudaPlan(const PlanSpec& spec)
      : Plan(spec),
        device_(Device::get(spec.device)),
        pads_(Plan::spec(), device_.arch(), device_.spec()),
        dgate_(Plan::spec(), device_.arch(), device_.spec()) {
    device_.context();  // retained now, as executing may be under capture
  }

 private:
  // Slots that are not ready yet at the same time: each is a compile of about a second.
  void prepare_bucket(int bucket) override {
    std::vector<Slot> wanted = slots(bucket);
    std::erase_if(wanted, [this](const Slot& slot) { return table_.find(slot) != nullptr; });
    std::vector<std::exception_ptr> failures(wanted.size());
    parallel_for_each(wanted.size(), settings().cpu_threads, [&](std::size_t i) {
      try {
        kernel(wanted[i]);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    });
    for (const std::exception_ptr& failure : failures) {
      if (failure != nullptr) {
        std::rethrow_exception(failure);
      }
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
    const ForwardParams& params = execution.params;
    if (execution.workspace != nullptr) {
      const PaddedForward padded(spec(), execution.pass, params, execution.workspace);
      if (padded.pointers_suit) {
        run_padded(execution.pass, padded, stream);
        return;
      }
    }
    ready(slot_of(execution.pass, alignment_of(execution.aligned), params.m), params.m, stream).launch(params, stream);
  }

  void run_padded(Pass pass, const PaddedForward& padded, void* stream) {
    const std::int64_t m = padded.product.m;
    const auto copying = [&](const Copies& copies, Pass way) -> const Kernel* {
      if (!copies.any) {
        return nullptr;
      }
      const Kernel& found = ready(slot_of(way, Alignment::pitches, m), m, stream);
      found.check(copies.params);
      return &found;
    };
    const Kernel* const pad = copying(padded.inputs, Pass::pad);
    const Kernel& product = ready(slot_of(pass, Alignment::padded, m), m, stream);
    product.check(padded.product);
    const Kernel* const unpad = copying(padded.outputs, Pass::unpad);
    if (pad != nullptr) {
      pad->launch(padded.inputs.params, stream);
    }
    product.launch(padded.product, stream);
    if (unpad != nullptr) {
      unpad->launch(padded.outputs.params, stream);
    }
  }

  void run_backward(const BackwardExecution& execution, void* stream) override {
    const CurrentContext current(device_);
    const Dgate dgate = execution.params.m > 0 ? dgate_(bucket_for(spec(), execution.params.m)) : Dgate::apart;
    const BackwardSteps steps(spec(), execution, device_.spec().multiprocessors, dgate);
    std::array<const Kernel*, 4> kernels{};
    std::size_t count = 0;
    for (const BackwardStep& step : steps.get()) {
      const Kernel& found = ready(slot_of(step.pass, alignment_of(step.aligned), step.params.m), step.params.m, stream);
      found.check(step.params);
      kernels[count++] = &found;
    }
    count = 0;
    for (const BackwardStep& step : steps.get()) {
      kernels[count++]->launch(step.params, stream);
    }
  }

  std::size_t forward_workspace(Pass pass, std::int64_t m) const override {
    return m > 0 && pads_(pass, bucket_for(spec(), m)) ? padded_forward(spec(), pass, m).bytes : 0;
  }

  std::size_t backward_workspace(std::int64_t m) const override {
    const bool backward = wants(spec(), Pass::dw_sum);
    return backward ? backward_layout(spec(), m, device_.spec().multiprocessors).bytes : 0;
  }

  std::size_t most_backward_workspace(std::int64_t m) const override {
    const bool backward = wants(spec(), Pass::dw_sum);
    return backward ? swiglu::most_backward_workspace(spec(), m, device_.spec().multiprocessors) : 0;
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
    Json json{{"problem", print(problem({Pass::forward, Alignment::pitches, bucket}))},
              {"device",
               {{"kind", "cuda"},
                {"ordinal", device_.ordinal()},
                {"name", device_.spec().name},
                {"arch", device_.arch().name},
                {"multiprocessors", device_.spec().multiprocessors}}},
              {"m", m},
              {"bucket", bucket_json(bucket)},
              {"kernels", std::move(kernels)}};
    add_padded(json, bucket, m);
    add_backward(json, spec(), m, backward_workspace(m));
    if (json.contains("backward")) {
      for (Json& pass : json["backward"]) {
        pass["token_splits"] = backward_split(spec(), 2, m, device_.spec().multiprocessors).splits;
      }
    }
    return to_text(json);
  }

  // Of each forward pass that goes by way of padded rows: the bytes it takes for that, and its kernels in order.
  void add_padded(Json& json, int bucket, std::int64_t m) const {
    for (const Pass pass : {Pass::forward, Pass::forward_store}) {
      if (!wants(spec(), pass) || !pads_(pass, bucket)) {
        continue;
      }
      const PaddedForward padded = padded_forward(spec(), pass, m);
      Json steps = Json::array();
      if (padded.inputs.any) {
        steps.push_back(name(Pass::pad));
      }
      steps.push_back(name(pass));
      if (padded.outputs.any) {
        steps.push_back(name(Pass::unpad));
      }
      json["padded"].push_back({{"pass", name(pass)}, {"workspace_bytes", padded.bytes}, {"steps", std::move(steps)}});
    }
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

  // One alignment where the pitches allow no better one. Copies are made for pointers as aligned as the pitches only.
  std::vector<Slot> slots_of(Pass pass, int bucket) const {
    const int kept = is_product(pass) ? bucket : 0;
    std::vector<Slot> wanted{{pass, Alignment::pitches, kept}};
    if (has_gradients_ahead(pass)) {
      return dgate_.takes(pass, bucket) ? wanted : std::vector<Slot>{};
    }
    if (is_copy(pass)) {
      return pads_.any(bucket) ? wanted : std::vector<Slot>{};
    }
    if (problem_of(spec(), pass).access_bytes != kElementBytes) {
      wanted.push_back({pass, Alignment::elements, kept});
    }
    if (pads_(pass, bucket)) {
      wanted.push_back({pass, Alignment::padded, kept});
    }
    return wanted;
  }

  static Alignment alignment_of(bool aligned) { return aligned ? Alignment::pitches : Alignment::elements; }

  // What is computed element by element has one kernel for all m, of 0 too.
  Slot slot_of(Pass pass, Alignment alignment, std::int64_t m) const {
    return {pass, alignment, is_product(pass) ? bucket_for(spec(), m) : 0};
  }

  Problem problem(const Slot& slot) const {
    const Problem by_pitches = problem_of(spec(), slot.pass);
    switch (slot.alignment) {
      case Alignment::elements:
        return unaligned(by_pitches);
      case Alignment::padded:
        return padded_rows(by_pitches);
      default:
        return by_pitches;
    }
  }

  // The slot's kernel, found or compiled now if need be. A candidate that does not compile cleanly, or where compiling
  // is not allowed is not cached, gives way to the next; if all fail, the first one's error is what the caller hears.
  const Kernel* kernel(const Slot& slot) {
    if (const Kernel* ready = table_.find(slot)) {
      return ready;
    }
    try {
      return choose_kernel(slot, spec().cached_only);
    } catch (const Error& error) {
      if (error.status() != SWIGLU_NO_COMPILER || spec().cached_only) {
        throw;
      }
      return any_cached(slot, error);
    }
  }

  // Without a compiler, whatever the stores hold is better than nothing.
  const Kernel* any_cached(const Slot& slot, const Error& why_not_best) {
    try {
      return choose_kernel(slot, true);
    } catch (const Error& error) {
      throw Error(error.status() == SWIGLU_NOT_CACHED ? why_not_best : error);
    }
  }

  const Kernel* choose_kernel(const Slot& slot, bool cached_only) {
    Selection selected = selection(problem(slot), slot.bucket, device_.arch(), device_.spec(),
                                   cached_only ? Fallback::all : Fallback::few);
    std::optional<Tuned> tuned;
    if (!selected.forced && slot.bucket != kEveryM && !spec().ignores_records) {
      tuned = tuned_choice(slot);
    }
    if (tuned) {
      prefer(selected.choices, tuned->record.config, why(*tuned));
    }
    const swiglu_status gives_way = cached_only ? SWIGLU_NOT_CACHED : SWIGLU_COMPILE_FAILED;
    std::optional<Error> first_error;
    for (const Choice& choice : selected.choices) {
      try {
        auto loaded = get_kernel(choice.config, device_, cached_only ? Policy::cached_only : Policy::compile);
        Reason reason{choice.estimate.why, "estimate", 0};
        if (tuned && choice.config == tuned->record.config) {
          reason.choice = name(tuned->origin);
          reason.microseconds = tuned->record.microseconds;
        } else if (selected.forced && &choice == selected.choices.data()) {
          reason.choice = "forced";
        }
        return table_.put(slot, std::move(loaded), std::move(reason));
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

  // What measurements say of a slot, if there are any, or may be. Of pointers that are aligned as well as the pitches
  // allow: others are rare, and take another kernel.
  std::optional<Tuned> tuned_choice(const Slot& slot) {
    if (slot.alignment == Alignment::elements || !is_tunable(problem(slot))) {
      return std::nullopt;
    }
    const BucketRange range = bucket_range(slot.bucket);
    const TuningRequest request{problem(slot), range.first, range.last, representative(slot.bucket)};
    TunerPolicy policy;
    policy.budget_seconds = spec().tuning_seconds > 0 ? spec().tuning_seconds : settings().tuning_seconds;
    policy.compile_threads = std::max(1, settings().cpu_threads - 1);  // one measures
    if (!spec().measure || policy.budget_seconds <= 0) {
      return find_tuned(request, device_);
    }
    try {
      return get_tuned(request, device_, policy);
    } catch (const std::exception& error) {
      log().warn("{} at m = {} was not tuned on {}, and the estimate chooses: {}", print(request.problem),
                 request.measured_m, device_.spec().name, error.what());
      return find_tuned(request, device_);
    }
  }

  Json describe_kernel(const Slot& slot) {
    const Kernel* ready = kernel(slot);
    const KernelConfig& config = ready->config();
    const Cubin& cubin = ready->cubin();
    const Reason reason = table_.reason(slot);
    return {{"pass", name(slot.pass)},
            {"alignment", config.problem.access_bytes},
            {"config", print(config)},
            {"family", name(config.family)},
            {"tile", print(config.tile)},
            {"threads", threads(config)},
            {"why", reason.why},
            {"choice", reason.choice},
            {"tunable", is_tunable(config.problem) && slot.alignment != Alignment::elements},
            {"microseconds", reason.microseconds > 0 ? Json(reason.microseconds) : Json(nullptr)},
            {"registers", cubin.entry.registers},
            {"spill_bytes", cubin.entry.spill_bytes},
            {"shared_bytes", cubin.entry.shared_bytes},
            {"origin", name(cubin.origin)},
            {"compile_milliseconds", cubin.entry.compile_milliseconds}};
  }

  const Device& device_;
  PaddingChoice pads_;
  DgateChoice dgate_;
  KernelTable table_;
};

}  // namespace

std::unique_ptr<Plan> make_cuda_plan(const PlanSpec& spec) { return std::make_unique<CudaPlan>(spec); }

}  // namespace swiglu
