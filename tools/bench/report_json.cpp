// The JSON object: see report.h. Times are milliseconds of one execution; what was not measured is null.
#include <algorithm>
#include <cmath>

#include "tools/bench/goals.h"
#include "tools/bench/report.h"
#include "tools/statistics.h"

namespace swiglu::tool {
namespace {

constexpr int kFormat = 1;  // grows when a field changes its meaning

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json samples_json(const PointResult& result, Contender contender, Mode mode) {
  const Samples& samples = result.of(contender).of(mode);
  if (samples.milliseconds.empty()) {
    return nullptr;
  }
  const double milliseconds = median(samples.milliseconds);
  const double megahertz = median(samples.megahertz);
  Json json = {{"milliseconds", milliseconds}, {"spread", number(spread(samples.milliseconds))}};
  if (products(contender) != 0) {
    json["tflops"] = flop(result.point, contender) * 1e-9 / milliseconds;
  }
  if (matrices(contender) != 0) {
    json["gigabytes_per_second"] = bytes(result.point, contender) * 1e-6 / milliseconds;
  }
  json.update({{"megahertz", number(megahertz)},
               {"megacycles", number(megahertz * milliseconds * 1e-3)},
               {"all_milliseconds", samples.milliseconds}});
  return json;
}

// The forward pass has one kernel, one GEMM and one length of replays; the others have several.
Json kernels_json(const PointResult& result, BenchPass pass) {
  if (pass != BenchPass::forward) {
    return {{"kernels", result.kernels}};
  }
  return {{"kernel", result.kernels.empty() ? Json::object() : result.kernels.front()}};
}

Json replays_json(const PointResult& result, BenchPass pass) {
  const auto launches = [](const ContenderResult& of) {
    return Json{{"launches_per_burst", of.launches}, {"launches_per_sustained_replay", of.sustained_launches}};
  };
  if (pass == BenchPass::forward) {
    const ContenderResult& gemm = result.of(Contender::best);
    Json json = launches(gemm);
    json.update({{"operand_sets", result.operand_sets},
                 {"cublaslt_algorithms", gemm.algorithms},
                 {"cublaslt_best_algorithm", gemm.best_algorithm}});
    return json;
  }
  Json json = {{"replays", Json::object()}, {"operand_sets", result.operand_sets}, {"gemms", Json::object()}};
  for (const Contender contender : contenders_of(pass)) {
    json["replays"][name(contender)] = launches(result.of(contender));
  }
  for (const Contender gemm : gemms_of(pass)) {
    json["gemms"][name(gemm)] = {{"algorithms", result.of(gemm).algorithms},
                                 {"best_algorithm", result.of(gemm).best_algorithm}};
  }
  return json;
}

Json goals_json(const PointResult& result, BenchPass pass) {
  Json json = Json::object();
  for (const Comparison& comparison : comparisons_of(pass)) {
    if (const std::optional<double> limit = goal_of(result, comparison)) {
      json[name(comparison)] = *limit;
    }
  }
  return json;
}

Json point_json(const PointResult& result, BenchPass pass) {
  Json json = {{"m", result.point.m},
               {"d_model", result.point.d_model},
               {"d_intermediate", result.point.d_intermediate},
               {"model", result.point.model}};
  json.update(kernels_json(result, pass));
  if (!result.error.empty()) {
    json["error"] = result.error;
    return json;
  }
  Json contenders = Json::object();
  Json ratios = Json::object();
  for (const Contender contender : contenders_of(pass)) {
    for (const Mode mode : kModes) {
      contenders[name(contender)][name(mode)] = samples_json(result, contender, mode);
    }
  }
  for (const Comparison& comparison : comparisons_of(pass)) {
    for (const Mode mode : kModes) {
      ratios[name(comparison)][name(mode)] = number(ratio(result, comparison, mode));
    }
  }
  json["checks"] = result.checks;
  json.update(replays_json(result, pass));
  json.update({{"watts", result.watts ? Json(*result.watts) : Json(nullptr)},
               {"contenders", contenders},
               {"time_ratios", ratios}});
  if (const Json goals = goals_json(result, pass); !goals.empty()) {
    json["goals"] = goals;
  }
  return json;
}

Json verdicts_json(const BenchRequest& request, const BenchReport& report) {
  Json json = Json::array();
  for (const Verdict& verdict : verdicts_of(request.suite, report.points, request.pass)) {
    json.push_back({{"where", verdict.where},
                    {"ratio_of", name(verdict.comparison)},
                    {"load", name(verdict.mode)},
                    {"ratio", verdict.ratio},
                    {"limit", verdict.limit},
                    {"met", verdict.met()}});
  }
  return json;
}

Json summary_json(const BenchRequest& request, const BenchReport& report) {
  const BenchPass pass = request.pass;
  Json summary = {{"points", report.points.size()},
                  {"failed", count_failed(report.points)},
                  {"not_chosen_on_paper",
                   std::count_if(report.points.begin(), report.points.end(),
                                 [](const PointResult& result) { return !chosen_otherwise(result).empty(); })},
                  {"goals", verdicts_json(request, report)}};
  for (const Comparison& comparison : comparisons_of(pass)) {
    for (const Mode mode : kModes) {
      const RatioSummary of_mode = summarize(report.points, comparison, mode);
      summary[name(comparison)][name(mode)] = of_mode.points == 0 ? Json(nullptr)
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
    points.push_back(point_json(result, request.pass));
  }
  return {{"format", kFormat},
          {"date", date},
          {"command", command},
          {"suite", request.suite},
          {"problem", request.kind_in_words},
          {"pass", name(request.pass)},
          {"seed", request.seed},
          {"tuned", request.tuned},
          {"environment", report.environment},
          {"method",
           {{"rounds", request.effort.rounds},
            {"sustained_seconds", request.effort.sustained_seconds},
            {"sustained_rounds", request.effort.sustained_seconds > 0 ? kSustainedRounds : 0},
            {"least_settling_seconds", kSettlingSeconds},
            {"idle_milliseconds", kIdleMilliseconds},
            {"flush_bytes", kFlushBytes},
            {"order", "a Williams design over the rounds: no contender has a favourite predecessor"},
            {"burst", "a CUDA graph between events, after an idle gap and an L2 flush; interleaved; median"},
            {"sustained",
             "graphs of several executions back to back, each sample behind as much of the same, untimed; median"},
            {"baseline_compute", "f32"},
            {"clock", "cycle counter over global timer, between stamps before and after the same interval"},
            {"power", "NVML's energy counter over the sustained phase of a point, all contenders"}}},
          {"prepare_seconds", report.prepare_seconds},
          {"measure_seconds", report.measure_seconds},
          {"points", points},
          {"summary", summary_json(request, report)}};
}

}  // namespace swiglu::tool
