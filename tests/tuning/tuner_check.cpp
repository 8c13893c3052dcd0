// tuner_check: whether the tuner keeps its promises on a GPU. A JSON line for each trial; exit code 1 if one is broken.
//
//   --random N    N random problems: tuned twice from nothing, as a plan tunes. The winner takes at most 3 % more than
//                 the fastest of all candidates measured without a budget; the two winners are the same, or within 1 %.
//   --buckets N   N random buckets of the models of the suite llm: what is tuned for the bucket takes, at its
//                 smallest m and somewhere between, at most 5 % longer than the fastest at exactly that m.
//
// Losses are of duels: the winners' executions alternate, so that clocks and temperature are alike for both. Kernels
// compile into the user's kernel store: set SWIGLU_CACHE_DIR to an empty directory to see the tuner start cold.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/spelling.h"
#include "cuda/device.h"
#include "plan/bucket.h"
#include "tune/device_trial.h"
#include "tune/median.h"
#include "tune/space.h"
#include "tune/tuner.h"

namespace {

using namespace swiglu;
using Json = nlohmann::ordered_json;

constexpr double kMostLoss = 0.03;
constexpr double kMostDisagreement = 0.01;
constexpr double kMostBucketLoss = 0.05;
constexpr double kHopeless = 8;  // times the best estimate: simt where it would take seconds

struct Point {
  Problem problem;
  std::int64_t m;
};

std::vector<Choice> choices_of(const Point& point, const Device& device) {
  std::vector<Choice> choices;
  double best = std::numeric_limits<double>::infinity();
  for (const KernelConfig& config : candidates(point.problem, device.arch(), device.spec())) {
    choices.push_back({config, estimate(config, point.m, device.spec())});
    best = std::min(best, choices.back().estimate.seconds);
  }
  std::erase_if(choices, [&](const Choice& choice) { return choice.estimate.seconds > kHopeless * best; });
  return choices;
}

double expected_seconds(const std::vector<Choice>& choices) {
  return std::min_element(choices.begin(), choices.end(),
                          [](const Choice& a, const Choice& b) { return a.estimate.seconds < b.estimate.seconds; })
      ->estimate.seconds;
}

Tuning tune_point(const Point& point, const Device& device, const TunerPolicy& policy, std::int64_t least_m = 0) {
  const std::vector<Choice> choices = choices_of(point, device);
  DeviceTrial trial(point.problem, point.m, device, expected_seconds(choices), {}, least_m);
  Tuning tuning = tune(choices, trial, policy);
  if (!tuning.winner) {
    fail(SWIGLU_INTERNAL, "{} at m = {}: nothing could be measured", print(point.problem), point.m);
  }
  return tuning;
}

const KernelConfig& winner(const Tuning& tuning) { return tuning.tried[*tuning.winner].config; }

// Everything, without a budget.
TunerPolicy exhaustive() {
  TunerPolicy policy;
  policy.budget_seconds = 300;
  policy.paper_factor = std::numeric_limits<double>::infinity();
  policy.at_most = std::numeric_limits<std::size_t>::max();
  policy.tie = 0;
  return policy;
}

// How much longer the first takes than the second; 0 where they are the same.
double duel(const Point& point, const Device& device, const KernelConfig& first, const KernelConfig& second) {
  constexpr int kRounds = 25;
  if (first == second) {
    return 0;
  }
  DeviceTrial trial(point.problem, point.m, device, expected_seconds(choices_of(point, device)));
  std::vector<double> times[2];
  trial.load(first);
  trial.load(second);
  for (int round = 0; round < kRounds; ++round) {
    for (const int who : {round % 2, 1 - round % 2}) {
      times[who].push_back(trial.time(who == 0 ? first : second));
    }
  }
  return median(times[0]) / median(times[1]) - 1;
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  template <typename Value>
  Value of(std::initializer_list<Value> values) {
    return values.begin()[std::uniform_int_distribution<std::size_t>(0, values.size() - 1)(engine_)];
  }
  std::int64_t between(std::int64_t least, std::int64_t most) {  // evenly by logarithm
    const double value = std::exp(std::uniform_real_distribution<double>(
        std::log(static_cast<double>(least)), std::log(static_cast<double>(most) + 1))(engine_));
    return std::clamp(static_cast<std::int64_t>(value), least, most);
  }
  std::int64_t number(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(engine_);
  }

 private:
  std::mt19937 engine_;
};

Point random_point(Random& random) {
  Problem problem{};
  problem.dtype = random.of({DType::bf16, DType::f16});
  problem.accum = problem.dtype == DType::bf16 ? Accum::f32 : random.of({Accum::f32, Accum::f16, Accum::f16_promoted});
  problem.layout = random.of({Layout::kn, Layout::nk});
  problem.pass = random.of({Pass::forward, Pass::forward_store});
  problem.d_model = static_cast<int>(random.between(32, 1024)) * 8;
  problem.d_intermediate = static_cast<int>(random.between(64, 3584)) * 8;
  problem.access_bytes = 16;
  return {problem, random.between(1, 16384)};
}

void print_line(const Json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

bool check_random(const Point& point, const Device& device) {
  const Tuning first = tune_point(point, device, {});
  const Tuning second = tune_point(point, device, {});
  const Tuning all = tune_point(point, device, exhaustive());
  const double loss = duel(point, device, winner(first), winner(all));
  const double disagreement = duel(point, device, winner(first), winner(second));
  const bool kept = loss <= kMostLoss && std::abs(disagreement) <= kMostDisagreement;
  print_line({{"problem", print(point.problem)},
              {"m", point.m},
              {"first", print(winner(first).tile)},
              {"second", print(winner(second).tile)},
              {"fastest", print(winner(all).tile)},
              {"loss_percent", 100 * loss},
              {"disagreement_percent", 100 * disagreement},
              {"first_seconds", first.seconds},
              {"second_seconds", second.seconds},
              {"finished", first.finished},
              {"kept", kept}});
  return kept;
}

bool check_bucket(Random& random, const Device& device) {
  struct Sizes {
    int d_model;
    int d_intermediate;
  };
  const auto sizes =
      random.of({Sizes{4096, 14336}, Sizes{8192, 28672}, Sizes{3584, 18944}, Sizes{5120, 14336}, Sizes{3584, 14336}});
  const Problem problem{
      DType::bf16,          Accum::f32, random.of({Layout::kn, Layout::nk}), Pass::forward, sizes.d_model,
      sizes.d_intermediate, 16};
  const int bucket = static_cast<int>(random.number(2, kBuckets - 2));
  const BucketRange range = bucket_range(bucket);
  const Tuning tuned = tune_point({problem, representative(bucket)}, device, {}, range.first);
  bool all_kept = true;
  for (const std::int64_t m : {range.first, random.number(range.first, range.last)}) {
    const Point point{problem, m};
    const Tuning exact = tune_point(point, device, exhaustive());
    const double loss = duel(point, device, winner(tuned), winner(exact));
    const bool kept = loss <= kMostBucketLoss;
    all_kept = all_kept && kept;
    print_line({{"problem", print(problem)},
                {"bucket", {range.first, range.last}},
                {"m", m},
                {"tuned", print(winner(tuned).tile)},
                {"fastest", print(winner(exact).tile)},
                {"loss_percent", 100 * loss},
                {"kept", kept}});
  }
  return all_kept;
}

}  // namespace

int main(int argc, char** argv) {
  int problems = 20;
  int buckets = 10;
  unsigned seed = std::random_device()();
  int ordinal = 0;
  CLI::App app("Whether the tuner keeps its promises on a GPU");
  app.add_option("--random", problems, "random problems")->capture_default_str();
  app.add_option("--buckets", buckets, "random buckets")->capture_default_str();
  app.add_option("--seed", seed, "of the choice of problems; printed");
  app.add_option("--device", ordinal)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    const char* required = std::getenv("SWIGLU_REQUIRE_GPU");
    int count = 0;
    std::string reason;
    try {
      count = Device::count();
    } catch (const Error& error) {
      reason = error.what();
    }
    if (count == 0) {
      std::printf("no GPU: the tuner is not checked (%s)\n", reason.c_str());
      return required != nullptr && std::string(required) == "1" ? 1 : 0;
    }
    const Device& device = Device::get(ordinal);
    Random random(seed);
    std::printf("{\"gpu\":\"%s\",\"seed\":%u}\n", device.spec().name.c_str(), seed);
    int broken = 0;
    for (int i = 0; i < problems; ++i) {
      broken += check_random(random_point(random), device) ? 0 : 1;
    }
    for (int i = 0; i < buckets; ++i) {
      broken += check_bucket(random, device) ? 0 : 1;
    }
    std::fprintf(stderr, "%d of %d trials broke a promise; --seed %u repeats them\n", broken, problems + buckets, seed);
    return broken == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tuner_check: %s\n", error.what());
    return 1;
  }
}
