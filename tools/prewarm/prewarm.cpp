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
  return words + ", took " + number(step.value("seconds", 0.0), "%.2f s");
}

class Run {
 public:
  Run(const PrewarmOptions& options, Progress& progress, const std::function<bool()>& is_over)
      : options_(options), progress_(progress), is_over_(is_over) {}

  PrewarmResult run(const std::vector<PrewarmProblem>& problems) {
    std::atomic<std::size_t> next = 0;
    std::exception_ptr failure;
    const auto work = [&] {
      try {
        for (std::size_t i = next++; i < problems.size(); i = next++) {
          if (options_.archs.empty()) {
            choose(problems[i]);
          } else {
            compile(problems[i]);
          }
        }
      } catch (...) {
        const std::lock_guard lock(mutex_);
        failure = std::current_exception();
      }
    };
    {
      std::vector<std::jthread> threads;
      for (int i = 1; i < options_.problems_at_once; ++i) {
        threads.emplace_back(work);
      }
      work();
    }
    if (failure) {
      std::rethrow_exception(failure);
    }
    return std::move(result_);
  }

 private:
  bool is_over() const {
    return is_over_() || (options_.time_limit > 0 && seconds_since(begin_) >= options_.time_limit);
  }

  void fail(Json what, const std::string& message) {
    const std::lock_guard lock(mutex_);
    what["message"] = message;
    progress_.say("failed: " + failure_in_words(what));
    result_.failed.push_back(std::move(what));
  }

  void choose(const PrewarmProblem& problem) {
    Plan plan;
    for (const std::int64_t m : problem.tokens) {
      if (is_over()) {
        leave();
        continue;
      }
      begin_step(problem.name + " m " + std::to_string(m));
      const auto begin = Clock::now();
      Json step = {{"problem", problem.name}, {"m", m}};
      try {
        if (!plan) {
          swiglu_plan_desc desc = problem.desc;
          desc.device = options_.device;
          desc.tuning = options_.measure ? SWIGLU_TUNING_MEASURE : SWIGLU_TUNING_ESTIMATE;
          desc.tuning_seconds = static_cast<float>(options_.seconds);
          plan = create_plan(desc);
        }
        const Json description = describe(plan.get(), m);
        step["bucket"] = description.value("bucket", Json(nullptr));
        step["kernels"] = chosen(description);
        step["seconds"] = seconds_since(begin);
        end_step(in_words(step));
        const std::lock_guard lock(mutex_);
        for (const Json& each : description.value("kernels", Json::array())) {
          result_.kernels.push_back(each.value("config", "?"));
        }
        result_.done.push_back(std::move(step));
      } catch (const Failure& failure) {
        fail(std::move(step), failure.what());
        end_step(problem.name + " m " + std::to_string(m) + ": failed");
      }
    }
  }

  void compile(const PrewarmProblem& problem) {
    for (const std::string& arch : options_.archs) {
      if (is_over()) {
        leave();
        continue;
      }
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
          result_.kernels.push_back(kernel.value("config", "?"));
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
  }

  void leave() {
    const std::lock_guard lock(mutex_);
    ++result_.left;
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
  std::mutex mutex_;  // of progress and result
  Progress& progress_;
  const std::function<bool()>& is_over_;
  Clock::time_point begin_ = Clock::now();
  PrewarmResult result_;
};

}  // namespace

std::string failure_in_words(const Json& failure) {
  std::string words = failure.value("config", failure.value("problem", "?"));
  if (failure.contains("arch")) {
    words += " for " + failure.value("arch", "?");
  }
  if (failure.contains("m")) {
    words += " at m " + std::to_string(failure.value("m", std::int64_t{0}));
  }
  return words + ": " + failure.value("message", "no message");
}

std::size_t steps_of(const std::vector<PrewarmProblem>& problems, const PrewarmOptions& options) {
  std::size_t steps = 0;
  for (const PrewarmProblem& problem : problems) {
    steps += options.archs.empty() ? problem.tokens.size() : options.archs.size();
  }
  return steps;
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
      stored.insert(entry.value("config", "?"));
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
