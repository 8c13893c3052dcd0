// Ratios, their summary, and the shape of the JSON, from made-up samples.
#include "tools/bench/results.h"

#include <cmath>
#include <optional>

#include <doctest/doctest.h>

#include "tools/bench/goals.h"
#include "tools/bench/report.h"

using namespace swiglu::tool;

namespace {

// A point whose contenders took so many milliseconds, with the middle one of three samples.
PointResult made_up(const BenchPoint& point, double swiglu, double first, double best, double unfused) {
  PointResult result;
  result.point = point;
  result.kind.dtype = SWIGLU_BF16;
  result.kind.accum = SWIGLU_ACCUM_F32;
  result.kind.weight_layout = SWIGLU_NK;
  result.kind.passes = SWIGLU_PASS_FORWARD;
  const double times[] = {swiglu, first, best, unfused};
  for (const Contender contender : contenders_of(BenchPass::forward)) {
    const double time = times[static_cast<std::size_t>(contender)];
    for (const double factor : {1.5, 1.0, 0.9}) {
      result.of(contender).burst.add({time * factor, 1500});
    }
  }
  return result;
}

const BenchPoint kPoint{"llama-3-8b", 1000, 100, 10};

}  // namespace

TEST_CASE("ratios are of medians, below 1 where swiglu is faster") {
  const PointResult result = made_up(kPoint, 2, 2.5, 2.2, 4);
  CHECK(ratio(result, {Contender::swiglu, Contender::first}, Mode::burst) == doctest::Approx(0.8));
  CHECK(ratio(result, {Contender::swiglu, Contender::best}, Mode::burst) == doctest::Approx(2 / 2.2));
  CHECK(ratio(result, {Contender::swiglu, Contender::unfused}, Mode::burst) == doctest::Approx(0.5));
  CHECK(std::isnan(ratio(result, {Contender::swiglu, Contender::first}, Mode::sustained)));
  CHECK(tera_flops(result, Contender::swiglu, Mode::burst) == doctest::Approx(4e6 / 2e-3 * 1e-12));
}

TEST_CASE("the fastest algorithm is never slower than the first") {
  const PointResult result = made_up(kPoint, 2, 2.5, 2.6, 4);
  CHECK(milliseconds(result, Contender::best, Mode::burst) == doctest::Approx(2.5));
  CHECK(ratio(result, {Contender::swiglu, Contender::best}, Mode::burst) ==
        ratio(result, {Contender::swiglu, Contender::first}, Mode::burst));
}

TEST_CASE("a summary counts measured points alone, and names the worst") {
  PointResult failed;
  failed.error = "it broke";
  const std::vector<PointResult> points{made_up(kPoint, 1, 2, 2, 3), failed, made_up({"", 7, 8, 9}, 2, 1, 1, 3),
                                        made_up(kPoint, 1, 1, 1, 1)};
  const RatioSummary summary = summarize(points, {Contender::swiglu, Contender::first}, Mode::burst);
  CHECK(summary.points == 3);
  CHECK(summary.at_most_one == 2);
  CHECK(summary.geometric_mean == doctest::Approx(1));
  CHECK(summary.worst == doctest::Approx(2));
  CHECK(summary.worst_point == "m7 8x9");
  CHECK(summarize(points, {Contender::swiglu, Contender::first}, Mode::sustained).points == 0);
  CHECK(count_failed(points) == 1);
}

TEST_CASE("goals of the forward pass: the tightest of those that hold at a point, by layout") {
  using enum Contender;
  const auto goal = [](const BenchPoint& point, Contender baseline, swiglu_layout layout) {
    PointResult result = made_up(point, 1, 1, 1, 1);
    result.kind.weight_layout = layout;
    return goal_of(result, {swiglu, baseline});
  };
  for (const BenchPoint& point : {BenchPoint{"", 8192, 2048, 6144}, BenchPoint{"", 8192, 2048, 14336},
                                  BenchPoint{"", 8192, 4096, 12288}, BenchPoint{"llama-3-8b", 8192, 4096, 14336}}) {
    const std::optional<double> unfused_goal = point.d_model == 4096 ? std::optional(0.90) : std::nullopt;
    CHECK(goal(point, first, SWIGLU_NK) == 0.97);
    CHECK(goal(point, best, SWIGLU_NK) == 1.00);
    CHECK(goal(point, unfused, SWIGLU_NK) == unfused_goal);
    CHECK(goal(point, first, SWIGLU_KN) == 1.00);
    CHECK(goal(point, best, SWIGLU_KN) == 1.01);
    CHECK_FALSE(goal(point, unfused, SWIGLU_KN));
  }
  for (const swiglu_layout layout : {SWIGLU_NK, SWIGLU_KN}) {
    CHECK(goal({"", 8192, 1024, 3072}, first, layout) == 0.92);
    CHECK(goal({"", 8192, 1024, 3072}, unfused, layout) == 0.74);
    CHECK(goal({"", 8192, 512, 1536}, unfused, layout) == 0.75);
    CHECK(goal({"", 8192, 640, 1920}, first, layout) == 1.00);
    CHECK(goal({"llama-3-70b", 512, 8192, 28672}, first, layout) == 1.00);
    CHECK(goal({"", 64, 4096, 14336}, first, layout) == 1.00);
    CHECK(goal({"llama-3-70b", 256, 8192, 28672}, unfused, layout) == 0.95);
    CHECK_FALSE(goal({"llama-3-70b", 16, 8192, 28672}, first, layout));
    CHECK_FALSE(goal({"", 8192, 640, 1000}, first, layout));
  }
  CHECK_FALSE(goal({"", 8192, 640, 1920}, best, SWIGLU_NK));
}

TEST_CASE("forward goals judge bf16 with f32 sums, storing nothing, chosen on paper") {
  const Comparison over_first{Contender::swiglu, Contender::first};
  PointResult result = made_up({"", 8192, 1024, 3072}, 1, 1, 1, 1);
  CHECK(goal_of(result, over_first));
  PointResult other = result;
  other.kind.dtype = SWIGLU_F16;
  CHECK_FALSE(goal_of(other, over_first));
  other = result;
  other.kind.passes = SWIGLU_PASS_FORWARD_STORE;
  CHECK_FALSE(goal_of(other, over_first));
  other = result;
  other.kernels = {{"forward", {{"choice", "shared record"}}}};
  CHECK_FALSE(goal_of(other, over_first));
}

TEST_CASE("every goal of a suite is met or MISSED, its mean too where it was measured whole") {
  BenchRequest request;
  request.suite = "seed";
  BenchReport report;
  for (const BenchPoint& point : suite_points("seed", BenchPass::forward, {})) {
    report.points.push_back(made_up(point, 0.98, 1, 1, 2));
  }
  const std::string words = goals_met(request, report);
  CHECK(words.find("MISSED swiglu/T burst 0.980 for 0.960: geometric mean of seed\n") != std::string::npos);
  CHECK(words.find("MISSED swiglu/T burst 0.980 for 0.970: m8192 2048x6144\n") != std::string::npos);
  CHECK(words.find("MISSED swiglu/T burst 0.980 for 0.920: m8192 1024x3072\n") != std::string::npos);
  // 31 of T, 2 of Tb, 4 of T+act, the mean; 2048, 4096, 1024 and the mean are missed.
  CHECK(words.find("goals met: 34 of 38\n") != std::string::npos);
  CHECK(goals_of_point(report.points.front(), BenchPass::forward) ==
        "swiglu/T goal 1.000: burst met; swiglu/T+act goal 0.750: burst met");
  CHECK(to_json(request, report, "", "")["summary"]["goals"].size() == 38);

  report.points.pop_back();
  const std::string part = goals_met(request, report);
  CHECK(part.find("no goal for the geometric mean of seed: 30 of 31 points\n") != std::string::npos);
  CHECK(part.find(": geometric mean") == std::string::npos);
  request.suite = "goals";
  CHECK(goals_met(request, report).find("mean") == std::string::npos);

  request.suite = "llm";
  report.points.clear();
  for (const BenchPoint& point : suite_points("llm", BenchPass::forward, {})) {
    report.points.push_back(made_up(point, point.m >= 512 ? 0.95 : 0.99, 1, 1, 2));
  }
  CHECK(goals_met(request, report).find("mean") == std::string::npos);  // 0.95 of the 20 points
  CHECK(verdicts_of("llm", report.points, BenchPass::forward).back().where == "geometric mean of llm, m >= 512");
}

TEST_CASE("the JSON has every sample, null for what was not measured, and failed points by their error") {
  BenchRequest request;
  request.suite = "custom";
  request.kind_in_words = "bf16";
  BenchReport report;
  report.points = {made_up(kPoint, 2, 2.5, 2.2, 4), PointResult{}};
  report.points[1].error = "it broke";
  const Json json = Json::parse(to_json(request, report, "swiglu bench custom", "2026-01-01T00:00:00Z").dump());

  for (const char* field : {"format", "date", "command", "suite", "problem", "pass", "seed", "environment", "method",
                            "prepare_seconds", "measure_seconds", "points", "summary"}) {
    CHECK(json.contains(field));
  }
  const Json& point = json["points"][0];
  CHECK(point["model"] == "llama-3-8b");
  CHECK(point["contenders"]["swiglu"]["burst"]["all_milliseconds"].size() == 3);
  CHECK(point["contenders"]["swiglu"]["burst"]["milliseconds"] == 2);
  CHECK(point["contenders"]["swiglu"]["burst"]["megahertz"] == 1500);
  CHECK(point["contenders"]["swiglu"]["burst"]["megacycles"] == doctest::Approx(3));
  CHECK(point["contenders"]["cublaslt_first"]["sustained"].is_null());
  CHECK(point["time_ratios"]["cublaslt_first"]["burst"] == doctest::Approx(0.8));
  CHECK(point["time_ratios"]["cublaslt_best"]["sustained"].is_null());
  CHECK(point["watts"].is_null());
  CHECK(json["points"][1]["error"] == "it broke");
  CHECK_FALSE(json["points"][1].contains("contenders"));
  CHECK(json["summary"]["failed"] == 1);
  CHECK(json["summary"]["cublaslt_first_and_activation"]["burst"]["geometric_mean"] == doctest::Approx(0.5));
  CHECK(json["summary"]["cublaslt_first"]["sustained"].is_null());
}
