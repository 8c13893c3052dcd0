#include "plan/compile_ahead.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include "base/arch.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/settings.h"
#include "base/spelling.h"
#include "jit/compiler.h"
#include "kernels/cubins.h"
#include "plan/bucket.h"
#include "plan/description.h"
#include "plan/dgate_choice.h"
#include "plan/json.h"
#include "plan/padding_choice.h"
#include "plan/selection.h"
#include "tune/space.h"
#include "tune/tuned.h"

namespace swiglu {
namespace {

constexpr std::uint32_t kAllFlags = SWIGLU_COMPILE_ALL_CANDIDATES | SWIGLU_COMPILE_FORCE;

void check_compiler(const Arch& arch) {
  const Compiler& compiler = Compiler::instance();
  if (!compiler.supports(arch.name)) {
    fail(SWIGLU_NOT_SUPPORTED, "arch is {}, for which NVRTC {} ({}) cannot compile: another CUDA Toolkit is needed",
         arch.name, compiler.identity(), compiler.path().string());
  }
}

// Without doubles, in the order of passes, alignments and buckets; then what is known to be fastest on some card of the
// architecture.
std::vector<KernelConfig> wanted_configs(const PlanSpec& spec, const Arch& arch, bool all) {
  std::vector<KernelConfig> configs;
  const auto add = [&](const KernelConfig& config) {
    if (std::find(configs.begin(), configs.end(), config) == configs.end()) {
      configs.push_back(config);
    }
  };
  std::vector<int> buckets(spec.batch_invariant ? 1 : kBuckets);
  std::iota(buckets.begin(), buckets.end(), spec.batch_invariant ? kEveryM : 0);
  const auto add_problem = [&](const Problem& problem, const std::vector<int>& in) {
    if (in.empty()) {
      return;
    }
    if (all) {
      for (const KernelConfig& config : candidates(problem, arch, arch.representative)) {
        add(config);
      }
      return;
    }
    for (const int bucket : in) {
      add(selection(problem, bucket, arch, arch.representative, Fallback::few).choices.front().config);
    }
    for (const TuningEntry& entry : known_records(problem, arch.compute_capability)) {
      add(entry.record.config);
    }
  };
  const PaddingChoice pads(spec, arch, arch.representative);
  const DgateChoice dgate(spec, arch, arch.representative);
  const auto where = [&](const auto& is_wanted) {
    std::vector<int> some;
    std::copy_if(buckets.begin(), buckets.end(), std::back_inserter(some), is_wanted);
    return some;
  };
  for (int number = 0; number < kPasses; ++number) {
    const auto pass = static_cast<Pass>(number);
    if (!wants(spec, pass)) {
      continue;
    }
    const Problem by_pitches = problem_of(spec, pass);
    if (is_copy(pass)) {
      add_problem(by_pitches, where([&](int bucket) { return pads.any(bucket); }));
      continue;
    }
    if (has_gradients_ahead(pass)) {
      add_problem(by_pitches, where([&](int bucket) { return dgate.takes(pass, bucket); }));
      continue;
    }
    add_problem(by_pitches, buckets);
    add_problem(unaligned(by_pitches), buckets);
    add_problem(padded_rows(by_pitches), where([&](int bucket) { return pads(pass, bucket); }));
  }
  return configs;
}

struct Outcome {
  std::string json;
  swiglu_status status;
};

Outcome compile_one(const KernelConfig& config, const std::string& arch, Policy policy) {
  Json report{{"config", print(config)}, {"arch", arch}};
  try {
    const auto cubin = get_cubin(config, arch, policy);
    report.update({{"ok", true},
                   {"origin", name(cubin->origin)},
                   {"registers", cubin->entry.registers},
                   {"spill_bytes", cubin->entry.spill_bytes},
                   {"shared_bytes", cubin->entry.shared_bytes},
                   {"milliseconds", cubin->entry.compile_milliseconds}});
    return {to_text(report), SWIGLU_OK};
  } catch (const Error& error) {
    report.update({{"ok", false}, {"message", error.what()}});
    return {to_text(report), error.status()};
  }
}

// Outcomes handed from the compiling threads to the one that reports.
class Outcomes {
 public:
  void push(Outcome outcome) {
    {
      const std::lock_guard lock(mutex_);
      outcomes_.push_back(std::move(outcome));
    }
    arrived_.notify_one();
  }

  // A thread ended by an exception that is no outcome of its kernel: pop() throws it.
  void break_off(std::exception_ptr exception) {
    {
      const std::lock_guard lock(mutex_);
      exception_ = std::move(exception);
    }
    arrived_.notify_one();
  }

  Outcome pop() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return exception_ != nullptr || !outcomes_.empty(); });
    if (exception_ != nullptr) {
      std::rethrow_exception(exception_);
    }
    Outcome outcome = std::move(outcomes_.front());
    outcomes_.pop_front();
    return outcome;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Outcome> outcomes_;
  std::exception_ptr exception_;
};

// Counts by status what failed.
struct Failures {
  std::size_t not_cached = 0;
  std::size_t other = 0;
};

Failures compile_all(const std::vector<KernelConfig>& configs, const std::string& arch, Policy policy,
                     const Report& report) {
  Outcomes outcomes;
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    try {
      for (std::size_t i = next++; i < configs.size(); i = next++) {
        outcomes.push(compile_one(configs[i], arch, policy));
      }
    } catch (...) {
      outcomes.break_off(std::current_exception());
    }
  };
  // However this function is left, no further kernel is begun.
  struct Stop {
    std::atomic<std::size_t>& next;
    std::size_t end;
    ~Stop() { next = end; }
  };
  std::vector<std::jthread> threads;
  const Stop stop{next, configs.size()};
  const auto wanted = std::min(configs.size(), static_cast<std::size_t>(settings().cpu_threads));
  start_threads(threads, wanted, work);
  if (threads.empty()) {
    work();
  }
  Failures failures;
  for (std::size_t i = 0; i < configs.size(); ++i) {
    const Outcome outcome = outcomes.pop();
    failures.not_cached += outcome.status == SWIGLU_NOT_CACHED ? 1 : 0;
    failures.other += outcome.status != SWIGLU_OK && outcome.status != SWIGLU_NOT_CACHED ? 1 : 0;
    report(outcome.json);
  }
  return failures;
}

}  // namespace

void compile_ahead(const swiglu_plan_desc& desc, const std::string& arch, std::uint32_t flags, const Report& report) {
  if ((flags & ~kAllFlags) != 0) {
    fail(SWIGLU_INVALID_ARGUMENT,
         "flags is {:#x}, which has unknown bits: or together SWIGLU_COMPILE_ALL_CANDIDATES (1), SWIGLU_COMPILE_FORCE "
         "(2)",
         flags);
  }
  swiglu_plan_desc on_gpu = desc;
  on_gpu.device = 0;
  const PlanSpec spec = check_description(on_gpu);
  const Arch known = known_arch(arch);
  const bool force = (flags & SWIGLU_COMPILE_FORCE) != 0;
  const Policy policy = force ? Policy::force : spec.cached_only ? Policy::cached_only : Policy::compile;
  if (policy != Policy::cached_only) {  // a machine without NVRTC can say what its stores hold
    check_compiler(known);
  }
  const auto configs = wanted_configs(spec, known, (flags & SWIGLU_COMPILE_ALL_CANDIDATES) != 0);
  const Failures failures = compile_all(configs, known.name, policy, report);
  if (failures.other > 0) {
    fail(SWIGLU_COMPILE_FAILED, "{} of {} kernels for {} failed; each report has its message", failures.other,
         configs.size(), known.name);
  }
  if (failures.not_cached > 0) {
    fail(SWIGLU_NOT_CACHED, "{} of {} kernels for {} are in no store", failures.not_cached, configs.size(), known.name);
  }
}

}  // namespace swiglu
