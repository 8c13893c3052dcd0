// Ratios and summaries: see results.h.
#include "tools/bench/results.h"

#include <algorithm>
#include <cmath>

#include "tools/statistics.h"

namespace swiglu::tool {

const char* name(Mode mode) { return mode == Mode::burst ? "burst" : "sustained"; }

const char* name(Contender contender) {
  constexpr std::array<const char*, kContenders.size()> kNames{"swiglu", "cublaslt_first", "cublaslt_best",
                                                               "cublaslt_first_and_activation"};
  return kNames[static_cast<std::size_t>(contender)];
}

const char* label(Contender contender) {
  constexpr std::array<const char*, kContenders.size()> kLabels{"swiglu", "T", "Tb", "T+act"};
  return kLabels[static_cast<std::size_t>(contender)];
}

void Samples::add(const Sample& sample) {
  milliseconds.push_back(sample.milliseconds);
  megahertz.push_back(sample.megahertz);
}

double milliseconds(const PointResult& point, Contender contender, Mode mode) {
  const double own = median(point.of(contender).of(mode).milliseconds);
  return contender == Contender::best ? std::fmin(own, milliseconds(point, Contender::first, mode)) : own;
}

double tera_flops(const PointResult& point, Contender contender, Mode mode) {
  return point.flop / (milliseconds(point, contender, mode) * 1e-3) * 1e-12;
}

double ratio(const PointResult& point, Contender baseline, Mode mode) {
  return milliseconds(point, Contender::swiglu, mode) / milliseconds(point, baseline, mode);
}

RatioSummary summarize(const std::vector<PointResult>& points, Contender baseline, Mode mode) {
  RatioSummary summary;
  std::vector<double> ratios;
  for (const PointResult& point : points) {
    const double value = ratio(point, baseline, mode);
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
