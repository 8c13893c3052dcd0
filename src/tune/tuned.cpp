#include "tune/tuned.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/settings.h"
#include "base/spelling.h"
#include "jit/compiler.h"
#include "jit/templates.h"
#include "kernels/cubins.h"
#include "kernels/single_flight.h"
#include "tune/arguments.h"
#include "tune/device_trial.h"
#include "tune/shared_time.h"
#include "tune/space.h"

namespace swiglu {
namespace {

constexpr const char* kPolicyName = "cold bursts 1";  // DeviceTrial's and the tuner's way of measuring

SingleFlight<Tuned>& memory() {
  static auto* const instance = new SingleFlight<Tuned>;  // leaked, as all that a plan may use while the process ends
  return *instance;
}

// What failed on one card, out of memory say, may go well on another that waited for its result.
struct FailureOn {
  int ordinal;
  std::exception_ptr why;
};

struct Measured {
  std::mutex mutex;
  std::vector<TuningEntry> entries;
};

Measured& measured() {
  static auto* const instance = new Measured;
  return *instance;
}

SharedTime& shared_time() {
  static auto* const instance = new SharedTime(steady_seconds);
  return *instance;
}

// No ordinal: equal cards are one.
std::string key_of(const TuningRequest& request, const Device& device) {
  const DeviceSpec& spec = device.spec();
  return fmt::format("{} {}..{} {} {} {}", print(request.problem), request.first_m, request.last_m, spec.name,
                     spec.compute_capability, spec.multiprocessors);
}

// "" where there is none.
template <typename Identity>
std::string compiler_of(Identity&& identity) {
  try {
    return identity();
  } catch (const Error&) {
    return "";
  }
}

std::string expected_compiler() {
  return compiler_of([] { return Compiler::expected_identity(); });
}

std::string true_compiler() {
  return compiler_of([] { return Compiler::instance().identity(); });
}

TuningEnvironment environment_with(const std::string& compiler, const Device& device) {
  TuningEnvironment environment;
  environment.gpu = device.spec().name;
  environment.compute_capability = device.spec().compute_capability;
  environment.multiprocessors = device.spec().multiprocessors;
  environment.generator = kGeneratorVersion;
  environment.compiler = compiler;
  environment.policy = kPolicyName;
  if (settings().template_directory) {  // other kernels than those that generator numbers
    environment.policy += fmt::format(" templates {}", hex(templates_digest()));
  }
  return environment;
}

std::optional<Tuned> find_in_stores(const TuningRequest& request, const Device& device, const std::string& compiler,
                                    bool any_compiler) {
  const auto is_candidate = [&](const TuningRecord& record) {
    const auto all = candidates(request.problem, device.arch(), device.spec());
    if (std::find(all.begin(), all.end(), record.config) != all.end()) {
      return true;
    }
    const std::string unfit = why_unfit(record.config, device.spec());
    log().warn("the tuning record for {}, m {} to {}, is ignored: {} is no candidate on {}{}{}", print(request.problem),
               request.first_m, request.last_m, print(record.config.tile), device.spec().name,
               unfit.empty() ? "" : ": ", unfit);
    return false;
  };
  const auto found = tuning_store().find(environment_with(compiler, device), request.problem, request.first_m,
                                         request.last_m, any_compiler, is_candidate);
  if (!found) {
    return std::nullopt;
  }
  return Tuned{found->entry.record,
               found->origin == TuningStore::Origin::user ? Tuned::Origin::user : Tuned::Origin::shared};
}

// What was measured with this machine's NVRTC, which is loaded where nothing is known of the one that is expected:
// measuring takes longer by far.
std::optional<Tuned> find_own(const TuningRequest& request, const Device& device) {
  const std::string expected = expected_compiler();
  if (auto found = find_in_stores(request, device, expected, false)) {
    return found;
  }
  const std::string compiler = true_compiler();
  return compiler == expected ? std::nullopt : find_in_stores(request, device, compiler, false);
}

void tell(const TuningRequest& request, const Device& device, const Tuning& tuning, const TuningRecord& record) {
  std::map<std::string, int> outcomes;
  for (const Tried& tried : tuning.tried) {
    ++outcomes[name(tried.outcome)];
  }
  std::string counts;
  for (const auto& [outcome, count] : outcomes) {
    counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", count, outcome);
  }
  log().write(SWIGLU_LOG_INFO, "tuned {} at m = {} on {} in {:.2f} s{}: {}/{}, {:.4g} us (the estimate's: {:.4g}); {}",
              print(request.problem), request.measured_m, device.spec().name, tuning.seconds,
              tuning.finished ? "" : ", cut short by its budget", name(record.config.family), print(record.config.tile),
              record.microseconds, record.paper_microseconds, counts);
}

TuningRecord record_of(const TuningRequest& request, const Tuning& tuning, const DeviceTrial& trial,
                       const TunerPolicy& policy) {
  const Tried& best = tuning.tried[*tuning.winner];
  TuningRecord record;
  record.config = best.config;
  record.first_m = request.first_m;
  record.last_m = request.last_m;
  record.measured_m = request.measured_m;
  record.microseconds = trial.seconds_at_m(best.config) * 1e6;
  record.paper_microseconds = trial.seconds_at_m(tuning.tried[*tuning.paper].config) * 1e6;
  record.candidates = static_cast<int>(
      std::count_if(tuning.tried.begin(), tuning.tried.end(), [](const Tried& tried) { return tried.samples > 0; }));
  record.finished = tuning.finished;
  record.budget_seconds = policy.budget_seconds;
  return record;
}

// A tuning that was cut short is worth another with a larger budget.
bool is_enough(const TuningRecord& record, const TunerPolicy& policy) {
  return record.finished || record.budget_seconds >= policy.budget_seconds;
}

Tuned measure(const TuningRequest& request, const Device& device, const TunerPolicy& policy) {
  std::vector<Choice> choices;
  double expected = std::numeric_limits<double>::infinity();
  for (const KernelConfig& config : candidates(request.problem, device.arch(), device.spec())) {
    choices.push_back({config, estimate(config, request.measured_m, device.spec())});
    expected = std::min(expected, choices.back().estimate.seconds);
  }
  const SharedTime::Share share(shared_time());
  DeviceTrial trial(request.problem, request.measured_m, device, expected, {}, request.first_m);
  const Tuning tuning = tune(choices, trial, policy, [&] { return share.seconds(); });
  if (!tuning.winner) {
    const auto failed =
        std::find_if(tuning.tried.begin(), tuning.tried.end(), [](const Tried& tried) { return !tried.why.empty(); });
    fail(SWIGLU_INTERNAL, "none of {} candidates could be measured in {:.3g} s{}{}", tuning.tried.size(),
         tuning.seconds, failed == tuning.tried.end() ? "" : "; the first that failed: ",
         failed == tuning.tried.end() ? "" : failed->why);
  }
  const TuningRecord record = record_of(request, tuning, trial, policy);
  tell(request, device, tuning, record);
  for (const Tried& tried : tuning.tried) {
    if (tried.config != record.config) {
      release_cubin(tried.config, device.arch().name);
    }
  }
  const TuningEntry entry{environment_of(device), record};
  tuning_store().put(entry);
  const std::lock_guard remembering(measured().mutex);
  measured().entries.push_back(entry);
  return {record, Tuned::Origin::measured};
}

}  // namespace

const char* name(Tuned::Origin origin) {
  switch (origin) {
    case Tuned::Origin::measured:
      return "measured";
    case Tuned::Origin::user:
      return "user record";
    case Tuned::Origin::shared:
      return "shared record";
  }
  return "?";
}

std::string why(const Tuned& tuned) {
  return fmt::format("measured {:.4g} us at m = {}, fastest of {} tried{} ({})", tuned.record.microseconds,
                     tuned.record.measured_m, tuned.record.candidates,
                     tuned.record.finished ? "" : " before the time was up",
                     tuned.origin == Tuned::Origin::measured ? "by this process" : name(tuned.origin));
}

bool is_tunable(const Problem& problem) { return has_arguments(problem) && problem.pass != Pass::dw_single; }

TuningEnvironment environment_of(const Device& device) { return environment_with(true_compiler(), device); }

std::optional<Tuned> find_tuned(const TuningRequest& request, const Device& device) {
  if (!is_tunable(request.problem)) {
    return std::nullopt;
  }
  if (const auto known = memory().find(key_of(request, device))) {
    return *known;
  }
  return find_in_stores(request, device, expected_compiler(), true);
}

Tuned get_tuned(const TuningRequest& request, const Device& device, const TunerPolicy& policy) {
  const std::string key = key_of(request, device);
  if (const auto known = memory().find(key); known != nullptr && !is_enough(known->record, policy)) {
    memory().forget(key);
  }
  for (;;) {
    try {
      return *memory().get(key, [&] {
        try {
          const auto found = find_own(request, device);
          const bool enough = found && is_enough(found->record, policy);
          return std::make_shared<const Tuned>(enough ? *found : measure(request, device, policy));
        } catch (...) {
          throw FailureOn{device.ordinal(), std::current_exception()};
        }
      });
    } catch (const FailureOn& failure) {
      if (failure.ordinal == device.ordinal()) {
        std::rethrow_exception(failure.why);
      }
    }
  }
}

std::vector<TuningEntry> known_records(const Problem& problem, int compute_capability) {
  std::vector<TuningEntry> known;
  const std::optional<Arch> arch = arch_for_compute_capability(compute_capability);
  if (!arch || !is_tunable(problem)) {
    return known;
  }
  const auto all = candidates(problem, *arch, arch->representative);
  for (TuningStore::Listed& listed : tuning_store().list()) {
    for (TuningEntry& entry : listed.entries) {
      if (entry.environment.compute_capability == compute_capability &&
          entry.environment.generator == kGeneratorVersion &&
          std::find(all.begin(), all.end(), entry.record.config) != all.end()) {
        known.push_back(std::move(entry));
      }
    }
  }
  return known;
}

std::vector<TuningEntry> measured_entries() {
  const std::lock_guard lock(measured().mutex);
  return measured().entries;
}

TuningStore& tuning_store() {
  static auto* const store = new TuningStore(search_path(settings()));
  return *store;
}

}  // namespace swiglu
