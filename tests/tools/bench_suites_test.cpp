// The tables of suites, against what they are meant to hold.
#include "tools/bench/suites.h"

#include <algorithm>
#include <set>
#include <string>

#include <doctest/doctest.h>

using namespace swiglu::tool;

namespace {

bool has(const std::vector<BenchPoint>& points, std::int64_t m, std::int64_t d_model, std::int64_t d_intermediate) {
  return std::any_of(points.begin(), points.end(), [&](const BenchPoint& point) {
    return point.m == m && point.d_model == d_model && point.d_intermediate == d_intermediate;
  });
}

}  // namespace

TEST_CASE("goals: the large sizes, and small m at 4096x14336") {
  const auto points = suite_points("goals", BenchPass::forward, {});
  CHECK(points.size() == 10);
  CHECK(has(points, 8192, 256, 768));
  CHECK(has(points, 8192, 4096, 12288));
  CHECK(has(points, 8192, 4096, 14336));
  CHECK(has(points, 8192, 2048, 14336));
  for (const std::int64_t m : {64, 128, 256}) {
    CHECK(has(points, m, 4096, 14336));
  }
}

TEST_CASE("seed: d_model from 256 to 4096 by 128, d_intermediate three times as large") {
  const auto points = suite_points("seed", BenchPass::forward, {});
  CHECK(points.size() == 31);
  CHECK(points.front() == BenchPoint{"", 8192, 256, 768});
  CHECK(points.back() == BenchPoint{"", 8192, 4096, 12288});
  for (const BenchPoint& point : points) {
    CHECK(point.d_intermediate == 3 * point.d_model);
    CHECK(point.d_model % 128 == 0);
  }
}

TEST_CASE("llm: every model at every number of tokens, a model's points together") {
  const auto points = suite_points("llm", BenchPass::forward, {});
  std::set<std::string> models;
  std::string last;
  for (const BenchPoint& point : points) {
    CHECK((point.model == last || models.insert(point.model).second));
    last = point.model;
  }
  CHECK(points.size() == 9 * models.size());
  for (const char* model : {"llama-3-8b", "llama-3-70b", "qwen2.5-7b", "mistral-nemo-12b", "gemma-2-9b"}) {
    CHECK(models.count(model) == 1);
  }
  CHECK(has(points, 1, 8192, 28672));
  CHECK(has(points, 8192, 3584, 18944));
}

TEST_CASE("other token counts take the place of a suite's own, each point once") {
  CHECK(suite_points("seed", BenchPass::forward, {1, 2}).size() == 62);
  const auto goals = suite_points("goals", BenchPass::forward, {512});
  CHECK(goals.size() == 7);  // small and large m fall together
  CHECK(suite_points("llm", BenchPass::forward, {4}).size() == 5);
}

TEST_CASE("a filter looks in a point's name") {
  const auto points = suite_points("llm", BenchPass::forward, {});
  CHECK(filtered(points, "").size() == points.size());
  CHECK(filtered(points, "llama-3-8b").size() == 9);
  CHECK(filtered(points, "m64 ").size() == 5);
  CHECK(filtered(points, "8192x28672").size() == 9);
  CHECK(filtered(points, "nothing").empty());
}

TEST_CASE("goals of the backward pass: the three sizes that it must reach them at") {
  for (const BenchPass pass : {BenchPass::backward, BenchPass::forward_backward}) {
    const auto points = suite_points("goals", pass, {});
    CHECK(points.size() == 3);
    CHECK(has(points, 8192, 1024, 3072));
    CHECK(has(points, 8192, 2048, 6144));
    CHECK(has(points, 8192, 4096, 12288));
    CHECK(suite_points("seed", pass, {}) == suite_points("seed", BenchPass::forward, {}));
    CHECK(suite_points("llm", pass, {}) == suite_points("llm", BenchPass::forward, {}));
  }
}

TEST_CASE("a product is 2 m d_model d_intermediate operations") {
  CHECK(product_flop({"", 8192, 4096, 14336}) == 2.0 * 8192 * 4096 * 14336);
}
