// The JSON object: see report.h. Times are milliseconds of one execution; what was not measured is null.
#include <cmath>

#include "tools/bench/report.h"
#include "tools/statistics.h"

namespace swiglu::tool {
namespace {

constexpr int kFormat = 1;  // grows when a field changes its meaning

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json samples_json(const Samples& samples, double flop) {
  if (samples.milliseconds.empty()) {
    return nullptr;
  }
  const double milliseconds = median(samples.milliseconds);
  const double megahertz = median(samples.megahertz);
  return {{"milliseconds", milliseconds},
          {"spread", number(spread(samples.milliseconds))},
          {"tflops", flop * 1e-9 / milliseconds},
          {"megahertz", number(megahertz)},
          {"megacycles", number(megahertz * milliseconds * 1e-3)},
          {"all_milliseconds", samples.milliseconds}};
}

Json point_json(const PointResult& result) {
  Json json = {{"m", result.point.m},
               {"d_model", result.point.d_model},
               {"d_intermediate", result.point.d_intermediate},
               {"model", result.point.model},
               {"kernel", result.kernel}};
  if (!result.error.empty()) {
    json["error"] = result.error;
    return json;
  }
  Json contenders = Json::object();
  Json ratios = Json::object();
  for (const Contender contender : kContenders) {
    for (const Mode mode : kModes) {
      contenders[name(contender)][name(mode)] = samples_json(result.of(contender).of(mode), result.flop);
    }
  }
  for (const Contender baseline : kBaselines) {
    for (const Mode mode : kModes) {
      ratios[name(baseline)][name(mode)] = number(ratio(result, baseline, mode));
    }
  }
  json.update({{"checks", result.checks},
               {"launches_per_burst", result.launches},
               {"launches_per_sustained_replay", result.sustained_launches},
               {"operand_sets", result.operand_sets},
               {"cublaslt_algorithms", result.algorithms},
               {"cublaslt_best_algorithm", result.best_algorithm},
               {"watts", result.watts ? Json(*result.watts) : Json(nullptr)},
               {"contenders", contenders},
               {"time_ratios", ratios}});
  return json;
}

Json summary_json(const BenchReport& report) {
  Json summary = {{"points", report.points.size()}, {"failed", count_failed(report.points)}};
  for (const Contender baseline : kBaselines) {
    for (const Mode mode : kModes) {
      const RatioSummary of_mode = summarize(report.points, baseline, mode);
      summary[name(baseline)][name(mode)] = of_mode.points == 0 ? Json(nullptr)
                                                                : Json{{"geometric_mean", of_mode.geometric_mean},
                                                                       {"points", of_mode.points},
                                                                       {"at_most_one", of_mode.at_most_one},
                                                                       {"worst", of_mode.worst},
                                                                       {"worst_point", of_mode.worst_point}};
    }
  }
  return summary;
}

}  // namespace

Json to_json(const BenchRequest& request, const BenchReport& report, const std::string& command,
             const std::string& date) {
  Json points = Json::array();
  for (const PointResult& result : report.points) {
    points.push_back(point_json(result));
  }
  return {{"format", kFormat},
          {"date", date},
          {"command", command},
          {"suite", request.suite},
          {"problem", request.kind_in_words},
          {"pass", "forward"},
          {"seed", request.seed},
          {"environment", report.environment},
          {"method",
           {{"rounds", request.effort.rounds},
            {"sustained_seconds", request.effort.sustained_seconds},
            {"sustained_rounds", request.effort.sustained_seconds > 0 ? kSustainedRounds : 0},
            {"idle_milliseconds", kIdleMilliseconds},
            {"flush_bytes", kFlushBytes},
            {"burst", "a CUDA graph between events, after an idle gap and an L2 flush; interleaved; median"},
            {"sustained", "graphs of several executions back to back; interleaved rounds; median"},
            {"baseline_compute", "f32"},
            {"clock", "cycle counter over global timer, between stamps before and after the same interval"},
            {"power", "NVML's energy counter over the sustained phase of a point, all contenders"}}},
          {"prepare_seconds", report.prepare_seconds},
          {"measure_seconds", report.measure_seconds},
          {"points", points},
          {"summary", summary_json(report)}};
}

}  // namespace swiglu::tool
