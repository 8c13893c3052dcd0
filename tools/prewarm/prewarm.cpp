#include "tools/prewarm/prewarm.h"

#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <set>
#include <thread>

namespace swiglu::tool {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

std::string number(double value, const char* format) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// Of each pass the kernel for pointers as aligned as can be.
Json chosen(const Json& description) {
  Json kernels = Json::array();
  for (const Json& kernel : description.value("kernels", Json::array())) {
    if (kernels.empty() || kernels.back().value("pass", "") != kernel.value("pass", "")) {
      Json kept = Json::object();
      for (const char* field : {"pass", "family", "tile", "choice", "microseconds", "why", "origin"}) {
        kept[field] = kernel.value(field, Json(nullptr));
      }
      kernels.push_back(std::move(kept));
    }
  }
  return kernels;
}

std::string in_words(const Json& step) {
  std::string words = step.value("problem", "?") + " m " + std::to_string(step.value("m", std::int64_t{0}));
  const Json kernels = step.value("kernels", Json::array());
  for (const Json& kernel : kernels) {
    const Json time = kernel.value("microseconds", Json(nullptr));
    words += (&kernel == &kernels.front() ? ": " : "; ") +
             (kernels.size() > 1 ? kernel.value("pass", "?") + " " : std::string()) + kernel.value("tile", "?") + ", " +
             kernel.value("choice", "?") +
             (time.is_number() ? ", " + number(time.get<double>(), "%.4g us") : std::string());
  }
  return words + ", took " + number(step.value("seconds", 0.0), "%.2f s") + " on device " +
         std::to_string(step.value("device", 0));
}

// "forward, dx": those whose kernels can be measured, and were chosen without. "" where there are none.
std::string passes_not_measured(const Json& description) {
  std::string passes;
  for (const Json& kernel : description.value("kernels", Json::array())) {
    if (kernel.value("tunable", false) && kernel.value("choice", "") == "estimate") {
      passes += (passes.empty() ? "" : ", ") + kernel.value("pass", "?");
    }
  }
  return passes;
}

// What a kernel in the store is told by: a configuration serves several architectures.
std::string stored_kernel(const std::string& config, const std::string& arch) { return config + " for " + arch; }

// A problem at one m, or for one architecture: what is begun or left as a whole.
struct Step {
  const PrewarmProblem* problem;
  std::int64_t m;
  std::string arch;
};

// Those of one group of devices.
std::vector<Step> steps_of_group(const std::vector<PrewarmProblem>& problems, const PrewarmOptions& options) {
  std::vector<Step> steps;
  for (const PrewarmProblem& problem : problems) {
    for (const std::string& arch : options.archs) {
      steps.push_back({&problem, 0, arch});
    }
    for (const std::int64_t m : options.archs.empty() ? problem.tokens : std::vector<std::int64_t>()) {
      steps.push_back({&problem, m, ""});
    }
  }
  return steps;
}

class Run {
 public:
  Run(const PrewarmOptions& options, Progress& progress, const std::function<bool()>& is_over)
      : options_(options), progress_(progress), is_over_(is_over) {}

  PrewarmResult run(const std::vector<PrewarmProblem>& problems) {
    const std::vector<Step> steps = steps_of_group(problems, options_);
    std::vector<std::atomic<std::size_t>> next(options_.devices.size());
    {
      std::vector<std::jthread> threads;
      for (std::size_t group = 0; group < next.size(); ++group) {
        for (const int device : options_.devices[group]) {
          for (int i = 0; i < options_.steps_at_once; ++i) {
            threads.emplace_back([this, &steps, &at = next[group], device] { work(steps, at, device); });
          }
        }
      }
    }
    if (failure_) {
      std::rethrow_exception(failure_);
    }
    return std::move(result_);
  }

 private:
  // One thread of one device: takes steps until none is left.
  void work(const std::vector<Step>& steps, std::atomic<std::size_t>& next, int device) {
    try {
      const PrewarmProblem* planned = nullptr;
      Plan plan;
      for (std::size_t i = next++; i < steps.size(); i = next++) {
        const Step& step = steps[i];
        if (is_over()) {
          const std::lock_guard lock(mutex_);
          ++result_.left;
        } else if (!step.arch.empty()) {
          compile(*step.problem, step.arch);
        } else {
          if (planned != step.problem) {
            plan.reset();
            planned = step.problem;
          }
          choose(step, device, plan);
        }
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
    }
  }

  bool is_over() const {
    return is_over_() || (options_.time_limit > 0 && seconds_since(begin_) >= options_.time_limit);
  }

  void fail(Json what, const std::string& message) {
    const std::lock_guard lock(mutex_);
    what["message"] = message;
    progress_.say("failed: " + failure_in_words(what));
    result_.failed.push_back(std::move(what));
  }

  // `plan`: of the step's problem, once there is one.
  void choose(const Step& step, int device, Plan& plan) {
    const PrewarmProblem& problem = *step.problem;
    const std::string name = problem.name + " m " + std::to_string(step.m);
    begin_step(name);
    const auto begin = Clock::now();
    Json entry = {{"problem", problem.name}, {"m", step.m}, {"device", device}};
    try {
      if (!plan) {
        swiglu_plan_desc desc = problem.desc;
        desc.device = device;
        desc.tuning = options_.measure ? SWIGLU_TUNING_MEASURE : SWIGLU_TUNING_ESTIMATE;
        desc.tuning_seconds = static_cast<float>(options_.seconds);
        plan = create_plan(desc);
      }
      const Json description = describe(plan.get(), step.m);
      entry["bucket"] = description.value("bucket", Json(nullptr));
      entry["kernels"] = chosen(description);
      entry["seconds"] = seconds_since(begin);
      if (const std::string unmeasured = options_.measure ? passes_not_measured(description) : "";
          !unmeasured.empty()) {
        throw Failure("not measured: " + unmeasured + "; the library's log says why");
      }
      end_step(in_words(entry));
      const std::lock_guard lock(mutex_);
      for (const Json& each : description.value("kernels", Json::array())) {
        result_.kernels.push_back(
            stored_kernel(each.value("config", "?"), description.at("device").value("arch", "?")));
      }
      result_.done.push_back(std::move(entry));
    } catch (const Failure& failure) {
      fail(std::move(entry), failure.what());
      end_step(name + ": failed");
    }
  }

  void compile(const PrewarmProblem& problem, const std::string& arch) {
    const std::string name = problem.name + " " + arch;
    begin_step(name);
    std::size_t kernels = 0;
    std::size_t failed = 0;
    Reports reports([&](const Json& kernel) {
      Json entry = {{"problem", problem.name}, {"arch", arch}};
      entry.update(kernel);
      if (kernel.value("ok", false)) {
        ++kernels;
        begin_step(name + ": " + std::to_string(kernels) + " kernels");
        const std::lock_guard lock(mutex_);
        result_.kernels.push_back(stored_kernel(kernel.value("config", "?"), kernel.value("arch", arch)));
        result_.done.push_back(std::move(entry));
      } else {
        ++failed;
        fail(std::move(entry), kernel.value("message", "?"));
      }
    });
    const swiglu_status status = swiglu_compile(&problem.desc, arch.c_str(), 0, Reports::callback, &reports);
    if (status != SWIGLU_OK && failed == 0) {
      fail({{"problem", problem.name}, {"arch", arch}}, last_error());
    }
    reports.rethrow();
    end_step(name + ": " + std::to_string(kernels) + " kernels");
  }

  void begin_step(const std::string& what) {
    const std::lock_guard lock(mutex_);
    progress_.begin(what);
  }
  void end_step(const std::string& what) {
    const std::lock_guard lock(mutex_);
    progress_.end(what);
  }

  const PrewarmOptions& options_;
  std::mutex mutex_;  // of progress, result and failure
  Progress& progress_;
  const std::function<bool()>& is_over_;
  Clock::time_point begin_ = Clock::now();
  PrewarmResult result_;
  std::exception_ptr failure_;
};

}  // namespace

std::string failure_in_words(const Json& failure) {
  std::string words = failure.value("config", failure.value("problem", "?"));
  if (failure.contains("arch")) {
    words += " for " + failure.value("arch", "?");
  }
  if (failure.contains("m")) {
    words += " at m " + std::to_string(failure.value("m", std::int64_t{0})) + " on device " +
             std::to_string(failure.value("device", 0));
  }
  return words + ": " + failure.value("message", "no message");
}

std::size_t steps_of(const std::vector<PrewarmProblem>& problems, const PrewarmOptions& options) {
  return steps_of_group(problems, options).size() * options.devices.size();
}

PrewarmResult prewarm(const std::vector<PrewarmProblem>& problems, const PrewarmOptions& options, Progress& progress,
                      const std::function<bool()>& is_over) {
  return Run(options, progress, is_over).run(problems);
}

Reopened reopen(const std::vector<std::string>& kernels) {
  Reopened reopened;
  reopened.directory = text(swiglu_cache_directory);
  std::set<std::string> stored;
  Reports list([&](const Json& entry) {
    if (!entry.contains("problem")) {
      stored.insert(stored_kernel(entry.value("config", "?"), entry.value("arch", "?")));
    }
  });
  check(swiglu_cache_list(Reports::callback, &list));
  list.rethrow();
  for (const std::string& kernel : std::set<std::string>(kernels.begin(), kernels.end())) {
    if (stored.count(kernel) != 0) {
      ++reopened.found;
    } else {
      reopened.missing.push_back(kernel);
    }
  }
  Reports verify(
      [&](const Json& entry) { reopened.problem = entry.value("path", "?") + ": " + entry.value("problem", "?"); });
  if (swiglu_cache_verify(Reports::callback, &verify) != SWIGLU_OK && reopened.problem.empty()) {
    reopened.problem = last_error();
  }
  verify.rethrow();
  return reopened;
}

}  // namespace swiglu::tool
