// Ratios, their summary, and the shape of the JSON, from made-up samples.
#include "tools/bench/results.h"

#include <cmath>

#include <doctest/doctest.h>

#include "tools/bench/report.h"

using namespace swiglu::tool;

namespace {

// A point whose contenders took so many milliseconds, with the middle one of three samples.
PointResult made_up(const BenchPoint& point, double swiglu, double first, double best, double unfused) {
  PointResult result;
  result.point = point;
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
