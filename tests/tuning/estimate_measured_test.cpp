// The estimate against what was measured: for every stored point, what its choice takes against the fastest candidate,
// and whether the tuner, which tries what the estimate finds good, would have tried that one.
//
// tests/tuning/measured/<card>.jsonl is what `candidate_times --by-point` wrote on that card. Candidates that are no
// longer in the table are not counted; a choice that was never measured is a reason to measure again.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/spelling.h"
#include "tune/space.h"
#include "tune/tuner.h"

namespace swiglu {
namespace {

constexpr double kNear = 0.10;  // of the fastest: for kNearShare of all points
constexpr double kNearShare = 0.90;
constexpr double kFar = 0.25;           // never beyond
constexpr double kTunerLoss = 0.01;     // of what the tuner does not try
constexpr double kMeasuredShare = 0.9;  // of the choices must have been measured

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

// Of the fastest of `indices`, all of which may be unmeasured.
double fastest(const Point& point, const std::vector<Choice>& choices, const std::vector<std::size_t>& indices) {
  double best = std::numeric_limits<double>::infinity();
  for (const std::size_t index : indices) {
    const auto found = point.microseconds.find(name_of(choices[index].config));
    best = found == point.microseconds.end() ? best : std::min(best, found->second);
  }
  return best;
}

TEST_CASE("on an H200 the estimate's choice is near the fastest, and the tuner tries the fastest") {
  const Arch arch = *find_arch("sm_90a");
  const std::vector<Point> points = read_points(MEASURED_DIRECTORY "/h200.jsonl");
  REQUIRE(points.size() >= 150);
  std::size_t near = 0;
  std::size_t measured = 0;
  double sum = 0;
  double worst = 0;
  std::string where;
  std::string unmeasured;  // choices, a line each
  for (const Point& point : points) {
    std::vector<Choice> choices;
    std::vector<std::size_t> all;
    for (const KernelConfig& config : candidates(point.problem, arch, arch.representative)) {
      all.push_back(choices.size());
      choices.push_back({config, estimate(config, point.m, arch.representative)});
    }
    const double best = fastest(point, choices, all);
    const std::string spelling = print(point.problem) + " at m = " + std::to_string(point.m);
    CHECK_MESSAGE(fastest(point, choices, worth_trying(choices, TunerPolicy{})) <= (1 + kTunerLoss) * best, spelling);
    const std::string choice = name_of(choose(point.problem, point.m, arch, arch.representative).config);
    const auto chosen = point.microseconds.find(choice);
    if (chosen == point.microseconds.end()) {
      unmeasured += "\n  " + spelling + ": " + choice;
      continue;
    }
    ++measured;
    const double loss = chosen->second / best - 1;
    near += loss <= kNear ? 1 : 0;
    sum += loss;
    if (loss > worst) {
      worst = loss;
      where = spelling + ": " + chosen->first;
    }
  }
  MESSAGE(points.size(), " points, ", measured, " choices were measured, ", near, " of them within 10 %; on average ",
          100 * sum / static_cast<double>(measured), " % slower than the fastest, the worst ", 100 * worst,
          " % slower: ", where);
  if (!unmeasured.empty()) {
    MESSAGE((points.size() - measured), " choices were never measured, and are judged by nothing here:", unmeasured);
  }
  CHECK(static_cast<double>(measured) >= kMeasuredShare * static_cast<double>(points.size()));
  CHECK(static_cast<double>(near) >= kNearShare * static_cast<double>(measured));
  CHECK_MESSAGE(worst <= kFar, where);
}

}  // namespace
}  // namespace swiglu
