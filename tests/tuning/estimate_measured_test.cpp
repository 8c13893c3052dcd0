// The estimate against what was measured: for every stored point, what its choice takes against the fastest candidate,
// and what the tuner chooses that is given these times.
//
// tests/tuning/measured/<card>.jsonl is what `candidate_times --by-point` wrote on that card. Candidates that are no
// longer in the table are not counted. For a choice that was not measured the same tile stands in, walked in groups of
// another height; a choice without one is a reason to measure again.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/spelling.h"
#include "tune/space.h"
#include "tune/tuner.h"

namespace swiglu {
namespace {

constexpr double kNear = 0.10;  // of the fastest: for kNearShare of all points
constexpr double kNearShare = 0.90;
constexpr double kFar = 0.25;        // never beyond
constexpr double kTunerLoss = 0.01;  // of the tuner's choice, at its card's share of all points
constexpr double kMostTunerLoss = 0.1;

struct Point {
  Problem problem;
  std::int64_t m;
  std::map<std::string, double> microseconds;  // by "family/tile"
};

std::vector<Point> read_points(const std::string& path) {
  std::ifstream file(path);
  std::vector<Point> points;
  for (std::string line; std::getline(file, line);) {
    const auto json = nlohmann::json::parse(line);
    const auto problem = parse_problem(json.at("problem").get<std::string>());
    REQUIRE_MESSAGE(problem, line);
    points.push_back({*problem, json.at("m").get<std::int64_t>(), json.at("microseconds")});
  }
  return points;
}

std::string name_of(const KernelConfig& config) { return std::string(name(config.family)) + "/" + print(config.tile); }

// Of the fastest of those that were measured.
double fastest(const Point& point, const std::vector<Choice>& choices) {
  double best = std::numeric_limits<double>::infinity();
  for (const Choice& choice : choices) {
    const auto found = point.microseconds.find(name_of(choice.config));
    best = found == point.microseconds.end() ? best : std::min(best, found->second);
  }
  return best;
}

// Of a candidate, or of the same tile in other groups.
std::optional<double> time_of(const Point& point, const std::string& name) {
  const auto exact = point.microseconds.find(name);
  if (exact != point.microseconds.end()) {
    return exact->second;
  }
  const std::string walked = name.substr(0, name.rfind("_g") + 2);
  for (const auto& [other, microseconds] : point.microseconds) {
    if (other.starts_with(walked)) {
      return microseconds;
    }
  }
  return std::nullopt;
}

// As if it were executed: what was not measured fails.
class Replay : public Trial {
 public:
  explicit Replay(const Point& point) : point_(point) {}
  void compile(const KernelConfig&) override {}
  std::vector<KernelConfig> trusted() const override { return {}; }
  void load(const KernelConfig& config) override {
    if (point_.microseconds.count(name_of(config)) == 0) {
      fail(SWIGLU_CUDA_ERROR, "{} was not measured", name_of(config));
    }
  }
  std::string check(const KernelConfig&) override { return ""; }
  double time(const KernelConfig& config) override { return point_.microseconds.at(name_of(config)) * 1e-6; }
  void unload(const KernelConfig&) override {}

 private:
  const Point& point_;
};

struct TunersChoice {
  double microseconds;
  std::size_t tried;
};

TunersChoice tuned(const Point& point, const std::vector<Choice>& choices) {
  Replay replay(point);
  TunerPolicy policy;
  policy.compile_threads = 1;
  const Tuning tuning = tune(choices, replay, policy);
  REQUIRE(tuning.winner);
  const auto tried = std::count_if(tuning.tried.begin(), tuning.tried.end(),
                                   [](const Tried& each) { return each.outcome != Tried::Outcome::pruned; });
  return {tuning.tried[*tuning.winner].seconds * 1e6, static_cast<std::size_t>(tried)};
}

// Shares of all points: where the tuner's choice is good, and where the estimate's was measured.
void check_card(const char* card, double memory_bytes_per_second, double tuner_share, double measured_share) {
  const Arch arch = *find_arch("sm_90a");
  DeviceSpec spec = arch.representative;
  spec.memory_bytes_per_second = memory_bytes_per_second;
  const std::vector<Point> points = read_points(std::string(MEASURED_DIRECTORY "/") + card + ".jsonl");
  REQUIRE(points.size() >= 150);
  std::size_t near = 0;
  std::size_t measured = 0;
  std::size_t tuned_well = 0;
  std::size_t tried = 0;
  double sum = 0;
  double worst = 0;
  std::string where;
  std::string unmeasured;  // choices, a line each
  for (const Point& point : points) {
    std::vector<Choice> choices;
    for (const KernelConfig& config : candidates(point.problem, arch, spec)) {
      choices.push_back({config, estimate(config, point.m, spec)});
    }
    const double best = fastest(point, choices);
    const std::string spelling = print(point.problem) + " at m = " + std::to_string(point.m);
    const TunersChoice chosen_by_tuner = tuned(point, choices);
    tuned_well += chosen_by_tuner.microseconds <= (1 + kTunerLoss) * best ? 1 : 0;
    tried += chosen_by_tuner.tried;
    CHECK_MESSAGE(chosen_by_tuner.microseconds <= (1 + kMostTunerLoss) * best, spelling);
    const std::string choice = name_of(choose(point.problem, point.m, arch, spec).config);
    const std::optional<double> chosen = time_of(point, choice);
    if (!chosen) {
      unmeasured += "\n  " + spelling + ": " + choice;
      continue;
    }
    ++measured;
    const double loss = *chosen / best - 1;
    near += loss <= kNear ? 1 : 0;
    sum += loss;
    if (loss > worst) {
      worst = loss;
      where = spelling + ": " + choice;
    }
  }
  MESSAGE(points.size(), " points, ", measured, " choices were measured, ", near, " of them within 10 %; on average ",
          100 * sum / static_cast<double>(measured), " % slower than the fastest, the worst ", 100 * worst,
          " % slower: ", where);
  MESSAGE("the tuner tries ", static_cast<double>(tried) / static_cast<double>(points.size()),
          " on average, and chooses one within 1 % of the fastest at ", tuned_well);
  if (!unmeasured.empty()) {
    MESSAGE((points.size() - measured), " choices were never measured, and are judged by nothing here:", unmeasured);
  }
  CHECK(static_cast<double>(tuned_well) >= tuner_share * static_cast<double>(points.size()));
  CHECK(static_cast<double>(measured) >= measured_share * static_cast<double>(points.size()));
  CHECK(static_cast<double>(near) >= kNearShare * static_cast<double>(measured));
  CHECK_MESSAGE(worst <= kFar, where);
}

TEST_CASE("on an H200 the estimate's choice is near the fastest, and so is the tuner's") {
  check_card("h200", find_arch("sm_90a")->representative.memory_bytes_per_second, 1, 0.9);
}

TEST_CASE("on an H100 the estimate's choice is near the fastest, and so is the tuner's") {
  check_card("h100", 3.352e12, 0.98, 0.88);
}

}  // namespace
}  // namespace swiglu
