// candidate_times: what every candidate tile of many problems takes on a device, as JSON lines. What the estimate is
// calibrated on and tested against.
//
//   candidate_times --suite seed --suite llm > h200.jsonl        76 points, a few minutes
//   candidate_times --problem bf16_f32_4096x14336_nk --m 1,64,8192
//
// First compiles every kernel of every problem, on all cores, into the user's kernel store; then tries point after
// point as the tuner does (src/tune/device_trial.h): each candidate checked against the trusted kernel, then timed in
// rounds that take every candidate once. A line for each candidate:
//   {"problem", "m", "family", "tile", "microseconds" (median), "least", "samples", "launches" (in a sample)}
//   {"problem", "m", "family", "tile", "failed" (why)}
// With --by-point one for each point, fastest candidate first, as tests/tuning/measured/ keeps them:
//   {"problem", "m", "microseconds": {"family/tile": median, ...}}
#include <CLI/CLI.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/spelling.h"
#include "cuda/device.h"
#include "kernels/cubins.h"
#include "swiglu/validity.h"
#include "tune/arguments.h"
#include "tune/device_trial.h"
#include "tune/estimate.h"
#include "tune/median.h"
#include "tune/space.h"
#include "tune/tuner.h"

namespace {

using namespace swiglu;
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

struct Options {
  std::vector<std::string> suites;
  std::vector<std::string> problems;
  std::string file;
  std::vector<std::int64_t> tokens;
  std::string dtype = "bf16";
  std::string accum = "f32";
  std::vector<std::string> layouts = {"nk"};
  bool store = false;
  int device = 0;
  int jobs = static_cast<int>(std::thread::hardware_concurrency());
  int rounds = 5;
  double idle_milliseconds = 3;
  double cut = 3;
  bool simt = false;
  bool no_check = false;
  bool compile_only = false;
  bool by_point = false;
  std::string arch;        // with compile_only
  double memory_rate = 0;  // bytes a second, with arch; 0: of its representative card
  std::string tiles;
  bool tried = false;
  std::size_t best = 0;  // on paper; 0: all
};

struct Point {
  Problem problem;
  std::int64_t m;
};

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

struct Sizes {
  int d_model;
  int d_intermediate;
};

// A problem and its m a line, as tests/tuning/shipped_problems.sh prints them. Its dx with f16 sums, and dW with other
// than f32 sums, are no problems: they are passed over.
void read_points(std::istream& file, std::vector<Point>& points) {
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string text;
    words >> text;
    const auto problem = parse_problem(text);
    if (!problem) {
      fail(SWIGLU_INVALID_ARGUMENT, "{} is no problem", text);
    }
    if (why_invalid(*problem) != nullptr) {
      continue;
    }
    for (std::string m; std::getline(words >> std::ws, m, ',');) {
      points.push_back({*problem, std::stoll(m)});
    }
  }
}

std::vector<Point> points_of(const Options& options) {
  std::vector<Point> points;
  if (options.file == "-") {
    read_points(std::cin, points);
  } else if (!options.file.empty()) {
    std::ifstream file(options.file);
    if (!file) {
      fail(SWIGLU_INVALID_ARGUMENT, "{} cannot be read", options.file);
    }
    read_points(file, points);
  }
  const auto add = [&](const Sizes& sizes, const std::vector<std::int64_t>& own) {
    for (const std::string& layout : options.layouts) {
      const std::string text = options.dtype + "_" + options.accum + "_" + std::to_string(sizes.d_model) + "x" +
                               std::to_string(sizes.d_intermediate) + "_" + layout + (options.store ? "_gu" : "");
      const auto problem = parse_problem(text);
      if (!problem) {
        fail(SWIGLU_INVALID_ARGUMENT, "{} is no problem", text);
      }
      for (const std::int64_t m : options.tokens.empty() ? own : options.tokens) {
        points.push_back({*problem, m});
      }
    }
  };
  for (const std::string& suite : options.suites) {
    if (suite == "seed") {
      for (int d_model = 256; d_model <= 4096; d_model += 128) {
        add({d_model, 3 * d_model}, {8192});
      }
    } else if (suite == "llm") {
      for (const Sizes& model : {Sizes{4096, 14336}, {8192, 28672}, {3584, 18944}, {5120, 14336}, {3584, 14336}}) {
        add(model, {1, 16, 64, 128, 256, 512, 1024, 2048, 8192});
      }
    } else {
      for (const Sizes& sizes :
           {Sizes{256, 768}, {512, 1536}, {1024, 3072}, {2048, 6144}, {2048, 14336}, {4096, 12288}}) {
        add(sizes, {8192});
      }
      add({4096, 14336}, {64, 128, 256, 8192});
    }
  }
  for (const std::string& text : options.problems) {
    const auto problem = parse_problem(text);
    if (!problem) {
      fail(SWIGLU_INVALID_ARGUMENT, "{} is no problem: bf16_f32_4096x14336_nk is", text);
    }
    for (const std::int64_t m : options.tokens.empty() ? std::vector<std::int64_t>{8192} : options.tokens) {
      points.push_back({*problem, m});
    }
  }
  for (const Point& point : points) {
    if (!options.compile_only && !has_arguments(point.problem)) {
      fail(SWIGLU_INVALID_ARGUMENT, "{} cannot be measured by itself, only compiled: --compile-only",
           print(point.problem));
    }
  }
  return points;
}

// Those that the tuner may measure.
std::vector<KernelConfig> tried(const Point& point, const TunerPolicy& policy, const Arch& arch,
                                const DeviceSpec& spec) {
  const std::vector<Choice> ranked = rank(point.problem, point.m, arch, spec);
  std::vector<KernelConfig> configs;
  for (const std::size_t index : worth_trying(ranked, policy)) {
    configs.push_back(ranked[index].config);
  }
  return configs;
}

std::vector<KernelConfig> wanted(const Options& options, const Point& point, const Arch& arch, const DeviceSpec& spec) {
  TunerPolicy policy;
  if (options.best > 0) {
    policy.at_least = policy.at_most = options.best;
  }
  std::vector<KernelConfig> configs =
      options.tried || options.best > 0 ? tried(point, policy, arch, spec) : candidates(point.problem, arch, spec);
  std::erase_if(configs, [&](const KernelConfig& config) {
    return (config.family == Family::simt && !options.simt) || print(config).find(options.tiles) == std::string::npos;
  });
  return configs;
}

// Failures by configuration.
std::map<std::string, std::string> compile_all(const std::vector<KernelConfig>& configs, const std::string& arch,
                                               int jobs) {
  std::map<std::string, std::string> failures;
  std::mutex mutex;
  std::atomic<std::size_t> next = 0;
  std::atomic<std::size_t> done = 0;
  const auto begin = Clock::now();
  const auto work = [&] {
    for (std::size_t i = next++; i < configs.size(); i = next++) {
      std::string failure;
      try {
        get_cubin(configs[i], arch, Policy::compile);
      } catch (const std::exception& error) {
        failure = error.what();
      }
      const std::lock_guard lock(mutex);
      if (!failure.empty()) {
        failures.emplace(print(configs[i]), failure);
      }
      if (++done % 100 == 0 || done == configs.size()) {
        std::fprintf(stderr, "%zu of %zu kernels, %zu failed, %.1f s\n", done.load(), configs.size(), failures.size(),
                     seconds_since(begin));
      }
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < std::max(1, jobs); ++i) {
    threads.emplace_back(work);
  }
  threads.clear();
  return failures;
}

struct Candidate {
  KernelConfig config;
  std::vector<double> seconds;
  std::string failed;
};

template <typename Function>
bool attempt(Candidate& candidate, Function function) {
  try {
    function();
  } catch (const Error& error) {
    candidate.failed = error.what();
  }
  return candidate.failed.empty();
}

double microseconds(double seconds) { return std::round(seconds * 1e9) / 1e3; }

void print_line(const Point& point, const Candidate& candidate, int launches) {
  Json line{{"problem", print(point.problem)},
            {"m", point.m},
            {"family", name(candidate.config.family)},
            {"tile", print(candidate.config.tile)}};
  if (candidate.failed.empty()) {
    line["microseconds"] = microseconds(median(candidate.seconds));
    line["least"] = microseconds(*std::min_element(candidate.seconds.begin(), candidate.seconds.end()));
    line["samples"] = candidate.seconds.size();
    line["launches"] = launches;
  } else {
    line["failed"] = candidate.failed.substr(0, 400);
  }
  std::printf("%s\n", line.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
}

void print_point(const Point& point, std::vector<Candidate> all) {
  std::erase_if(all, [](const Candidate& candidate) { return !candidate.failed.empty(); });
  std::stable_sort(all.begin(), all.end(),
                   [](const Candidate& a, const Candidate& b) { return median(a.seconds) < median(b.seconds); });
  Json times = Json::object();
  for (const Candidate& candidate : all) {
    times[std::string(name(candidate.config.family)) + "/" + print(candidate.config.tile)] =
        microseconds(median(candidate.seconds));
  }
  std::printf("%s\n", Json{{"problem", print(point.problem)}, {"m", point.m}, {"microseconds", times}}.dump().c_str());
}

void measure(const Options& options, const Point& point, const Device& device,
             const std::map<std::string, std::string>& failures) {
  std::vector<Candidate> all;
  double expected = HUGE_VAL;
  for (const KernelConfig& config : wanted(options, point, device.arch(), device.spec())) {
    all.push_back({config, {}, ""});
    if (const auto found = failures.find(print(config)); found != failures.end()) {
      all.back().failed = found->second;
    }
    expected = std::min(expected, estimate(config, point.m, device.spec()).seconds);
  }
  TimingPolicy policy;
  policy.idle_seconds = options.idle_milliseconds * 1e-3;
  DeviceTrial trial(point.problem, point.m, device, expected, policy);
  for (Candidate& candidate : all) {
    if (candidate.failed.empty() && attempt(candidate, [&] { trial.load(candidate.config); }) && !options.no_check) {
      attempt(candidate, [&] { candidate.failed = trial.check(candidate.config); });
    }
  }
  double best = HUGE_VAL;
  for (int round = 0; round < options.rounds; ++round) {
    for (Candidate& candidate : all) {
      const bool slow = candidate.seconds.size() >= 2 && median(candidate.seconds) > options.cut * best;
      if (candidate.failed.empty() && !slow) {
        attempt(candidate, [&] {
          candidate.seconds.push_back(trial.time(candidate.config));
          best = std::min(best, candidate.seconds.back());
        });
      }
    }
  }
  if (options.by_point) {
    print_point(point, all);
  } else {
    for (const Candidate& candidate : all) {
      print_line(point, candidate, trial.launches());
    }
  }
  std::fflush(stdout);
}

int run(const Options& options) {
  const std::vector<Point> points = points_of(options);
  const Device* device = options.compile_only && !options.arch.empty() ? nullptr : &Device::get(options.device);
  const std::optional<Arch> named = device == nullptr ? find_arch(options.arch) : device->arch();
  if (!named) {
    fail(SWIGLU_INVALID_ARGUMENT, "{} is no architecture", options.arch);
  }
  const Arch& arch = *named;
  DeviceSpec spec = device == nullptr ? arch.representative : device->spec();
  if (options.memory_rate > 0) {
    spec.memory_bytes_per_second = options.memory_rate;
  }
  std::vector<KernelConfig> configs;
  std::set<std::string> seen;
  const auto add = [&](const KernelConfig& config) {
    if (seen.insert(print(config)).second) {
      configs.push_back(config);
    }
  };
  for (const Point& point : points) {
    for (const KernelConfig& config : wanted(options, point, arch, spec)) {
      add(config);
    }
    for (const Family trusted : {Family::simt, Family::mma_sm80}) {
      if (const auto config = first_of(trusted, point.problem, arch, spec); config && !options.no_check) {
        add(*config);
      }
    }
  }
  const auto failures = compile_all(configs, arch.name, options.jobs);
  for (const auto& [config, why] : failures) {
    std::fprintf(stderr, "%s: %s\n", config.c_str(), why.substr(0, 300).c_str());
  }
  if (options.compile_only) {
    return failures.empty() ? 0 : 1;
  }
  const auto begin = Clock::now();
  for (std::size_t i = 0; i < points.size(); ++i) {
    measure(options, points[i], *device, failures);
    std::fprintf(stderr, "%zu of %zu points, %s m %lld, %.1f s\n", i + 1, points.size(),
                 print(points[i].problem).c_str(), static_cast<long long>(points[i].m), seconds_since(begin));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Measures every candidate tile of many problems on a GPU; JSON lines on stdout, progress on stderr");
  app.add_option("--suite", options.suites, "goals, seed or llm; may be repeated")
      ->check(CLI::IsMember({"goals", "seed", "llm"}));
  app.add_option("--problem", options.problems, "as the library spells it: bf16_f32_4096x14336_nk, with _gu or _a2");
  app.add_option("--m", options.tokens, "tokens, in place of the suite's")->delimiter(',');
  app.add_option("--dtype", options.dtype)->capture_default_str();
  app.add_option("--accum", options.accum)->capture_default_str();
  app.add_option("--layout", options.layouts)->delimiter(',')->capture_default_str();
  app.add_flag("--store", options.store, "also store g and u");
  app.add_option("--device", options.device)->capture_default_str();
  app.add_option("-j,--jobs", options.jobs, "compiles at a time")->capture_default_str();
  app.add_option("--rounds", options.rounds)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--idle-ms", options.idle_milliseconds, "before each sample")->capture_default_str();
  app.add_option("--cut", options.cut, "after two samples, no more of one this many times slower than the best")
      ->capture_default_str();
  app.add_flag("--simt", options.simt, "also the plain kernels");
  app.add_flag("--no-check", options.no_check, "do not compare results with the trusted kernel's");
  app.add_option("--file", options.file, "problems and their m, a line each; - is stdin");
  app.add_option("--best", options.best, "only so many of the best on paper, and the trusted kernels")
      ->check(CLI::PositiveNumber);
  app.add_flag("--tried", options.tried, "only configurations that the tuner may measure at the point");
  app.add_option("--tiles", options.tiles, "only configurations whose spelling contains this");
  app.add_flag("--by-point", options.by_point, "a line for each point, as tests/tuning/measured/ keeps them");
  app.add_flag("--compile-only", options.compile_only, "fill the kernel store, measure nothing");
  app.add_option("--arch", options.arch, "with --compile-only, on a machine without a GPU");
  app.add_option("--memory-rate", options.memory_rate, "with --arch, bytes a second: as an H100, 3.352e12, would try");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "candidate_times: %s\n", error.what());
    return 1;
  }
}
