// Goals met and missed, in words: see report.h.
#include <algorithm>
#include <map>
#include <string>

#include "tools/bench/columns.h"
#include "tools/bench/goals.h"
#include "tools/bench/report.h"

namespace swiglu::tool {
namespace {

// "burst met sustained MISSED", of verdicts on one ratio.
std::string in_words(const std::vector<Verdict>& verdicts, const Comparison& comparison) {
  std::string words;
  for (const Verdict& verdict : verdicts) {
    if (verdict.comparison == comparison) {
      words += std::string(words.empty() ? "" : " ") + name(verdict.mode) + (verdict.met() ? " met" : " MISSED");
    }
  }
  return words;
}

}  // namespace

std::string goal_in_words(const PointResult& result, BenchPass pass, const Comparison& comparison) {
  const std::optional<double> limit = goal_of(result, comparison);
  return limit ? "goal " + column(*limit, 5, 3) + ": " + in_words(verdicts_of(result, pass), comparison) : "";
}

std::string goals_of_point(const PointResult& result, BenchPass pass) {
  std::string words;
  for (const Comparison& comparison : comparisons_of(pass)) {
    if (const std::string goal = goal_in_words(result, pass, comparison); !goal.empty()) {
      words += (words.empty() ? "" : "; ") + label(comparison) + " " + goal;
    }
  }
  return words;
}

std::string goals_met(const BenchRequest& request, const BenchReport& report) {
  const std::vector<Verdict> verdicts = verdicts_of(request.suite, report.points, request.pass);
  std::string words;
  for (const Verdict& verdict : verdicts) {
    if (!verdict.met()) {
      words += "MISSED " + label(verdict.comparison) + " " + name(verdict.mode) + " " + column(verdict.ratio, 5, 3) +
               " for " + column(verdict.limit, 5, 3) + ": " + verdict.where + "\n";
    }
  }
  const auto met =
      std::count_if(verdicts.begin(), verdicts.end(), [](const Verdict& verdict) { return verdict.met(); });
  if (!verdicts.empty()) {
    words += "goals met: " + std::to_string(met) + " of " + std::to_string(verdicts.size()) + "\n";
  }
  return words + why_no_mean(request.suite, report.points);
}

std::string chosen_otherwise(const BenchReport& report) {
  std::map<std::string, int> points;
  for (const PointResult& result : report.points) {
    if (const std::string words = chosen_otherwise(result); !words.empty()) {
      ++points[words];
    }
  }
  std::string text;
  for (const auto& [words, count] : points) {
    text += "not the plan's own choice on paper at " + std::to_string(count) + " of " +
            std::to_string(report.points.size()) + " points, where no goal is judged: " + words + "\n";
  }
  return text;
}

}  // namespace swiglu::tool
