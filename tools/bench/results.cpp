// Ratios and summaries: see results.h.
#include "tools/bench/results.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tools/statistics.h"

namespace swiglu::tool {
namespace {

double rate(double amount, const PointResult& point, Contender contender, Mode mode) {
  return amount == 0 ? std::numeric_limits<double>::quiet_NaN()
                     : amount / (milliseconds(point, contender, mode) * 1e-3);
}

}  // namespace

const char* name(Mode mode) { return mode == Mode::burst ? "burst" : "sustained"; }

void Samples::add(const Sample& sample) {
  milliseconds.push_back(sample.milliseconds);
  megahertz.push_back(sample.megahertz);
}

std::string chosen_otherwise(const PointResult& point) {
  const std::string on_paper = "estimate";
  std::string words;
  for (const auto& [pass, kernel] : point.kernels.items()) {
    if (const std::string choice = kernel.value("choice", on_paper); choice != on_paper) {
      words += words.empty() ? "" : ", ";
      words.append(pass).append(" ").append(choice);
    }
  }
  return words;
}

double milliseconds(const PointResult& point, Contender contender, Mode mode) {
  const double own = median(point.of(contender).of(mode).milliseconds);
  const Contender first = first_of(contender);
  return first == contender ? own : std::fmin(own, milliseconds(point, first, mode));
}

double flop(const BenchPoint& point, Contender contender) { return products(contender) * product_flop(point); }

double bytes(const BenchPoint& point, Contender contender) {
  constexpr double kElementBytes = 2;
  return matrices(contender) * kElementBytes * static_cast<double>(point.m) * static_cast<double>(point.d_intermediate);
}

double tera_flops(const PointResult& point, Contender contender, Mode mode) {
  return rate(flop(point.point, contender), point, contender, mode) * 1e-12;
}

double gigabytes_per_second(const PointResult& point, Contender contender, Mode mode) {
  return rate(bytes(point.point, contender), point, contender, mode) * 1e-9;
}

double ratio(const PointResult& point, const Comparison& comparison, Mode mode) {
  return milliseconds(point, comparison.ours, mode) / milliseconds(point, comparison.baseline, mode);
}

RatioSummary summarize(const std::vector<PointResult>& points, const Comparison& comparison, Mode mode) {
  RatioSummary summary;
  std::vector<double> ratios;
  for (const PointResult& point : points) {
    const double value = ratio(point, comparison, mode);
    if (std::isnan(value)) {
      continue;
    }
    ratios.push_back(value);
    summary.at_most_one += value <= 1 ? 1 : 0;
    if (value > summary.worst) {
      summary.worst = value;
      summary.worst_point = spell(point.point);
    }
  }
  summary.points = static_cast<int>(ratios.size());
  summary.geometric_mean = geometric_mean(ratios);
  return summary;
}

int count_failed(const std::vector<PointResult>& points) {
  return static_cast<int>(
      std::count_if(points.begin(), points.end(), [](const PointResult& point) { return !point.error.empty(); }));
}

}  // namespace swiglu::tool
