// What the bench of the backward pass does without a GPU: its tables, its goals, its report, its GEMMs as shapes, and
// its float64 references, held against the library's CPU device.
#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tools/bench/backward_operands.h"
#include "tools/bench/backward_oracle.h"
#include "tools/bench/block_errors.h"
#include "tools/bench/contenders.h"
#include "tools/bench/gemm_shape.h"
#include "tools/bench/goals.h"
#include "tools/bench/report.h"
#include "tools/bench/results.h"
#include "tools/float16.h"
#include "tools/library.h"

using namespace swiglu::tool;

namespace {

using Values = std::vector<double>;

Values random_values(std::size_t count, std::uint64_t seed) {
  Values values(count);
  for (std::size_t i = 0; i < count; ++i) {  // what bf16 can hold
    values[i] = static_cast<double>(mix(mix(seed) ^ i) % 255) / 64 - 2;
  }
  return values;
}

std::vector<std::uint16_t> as_bf16(const Values& values) {
  std::vector<std::uint16_t> bits(values.size());
  std::transform(values.begin(), values.end(), bits.begin(),
                 [](double value) { return narrow(SWIGLU_BF16, static_cast<float>(value)); });
  return bits;
}

// A matrix product as a GemmShape says where its factors lie.
Values multiply(const GemmShape& shape, const Values& a, const Values& b) {
  Values c(static_cast<std::size_t>(shape.rows * shape.columns));
  for (std::int64_t i = 0; i < shape.rows; ++i) {
    for (std::int64_t j = 0; j < shape.columns; ++j) {
      for (std::int64_t k = 0; k < shape.depth; ++k) {
        const std::int64_t from_a = shape.a_transposed ? k * shape.rows + i : i * shape.depth + k;
        const std::int64_t from_b = shape.b_transposed ? j * shape.depth + k : k * shape.columns + j;
        c[static_cast<std::size_t>(i * shape.columns + j)] +=
            a[static_cast<std::size_t>(from_a)] * b[static_cast<std::size_t>(from_b)];
      }
    }
  }
  return c;
}

// A problem in host memory whose operands are packed as those of a bench, and its gradients by the CPU device.
struct Small {
  static constexpr std::int64_t kM = 7;
  static constexpr std::int64_t kModel = 12;
  static constexpr std::int64_t kIntermediate = 10;

  explicit Small(swiglu_layout layout) {
    swiglu_plan_desc kind{};
    kind.struct_size = sizeof kind;
    kind.dtype = SWIGLU_BF16;
    kind.accum = SWIGLU_ACCUM_F64;
    kind.out_dtype = SWIGLU_F64;
    kind.weight_layout = layout;
    kind.passes = SWIGLU_PASS_BACKWARD;
    kind.device = SWIGLU_DEVICE_CPU;
    desc = point_desc(kind, {"", kM, kModel, kIntermediate});
    const Plan plan = create_plan(desc);
    swiglu_backward_args args{};
    args.struct_size = sizeof args;
    args.m = kM;
    check(swiglu_plan_workspace_size(plan.get(), SWIGLU_PASS_BACKWARD, kM, &args.workspace_size));
    Values workspace(args.workspace_size / sizeof(double) + 2);
    const std::vector<std::uint16_t> x_bits = as_bf16(x);
    std::vector<std::uint16_t> w_bits = as_bf16(w);
    args.dout = gate.dout.data();
    args.g = gate.g.data();
    args.u = gate.u.data();
    args.x = x_bits.data();
    args.w_gate = w_bits.data();
    args.w_up = up_half(desc, w_bits.data());
    args.dx = dx.data();
    args.dw_gate = dw.data();
    args.dw_up = dw.data() + up_offset();
    args.workspace = workspace.data();
    check(swiglu_execute_backward(plan.get(), &args, nullptr));
  }

  bool kn() const { return desc.weight_layout == SWIGLU_KN; }
  std::int64_t up_offset() const { return kn() ? kIntermediate : kIntermediate * kModel; }

  // dg | du
  Values dgu() const {
    Values both(2 * kM * kIntermediate);
    for (std::size_t i = 0; i < gate.g.size(); ++i) {
      const double s = 1 / (1 + std::exp(-gate.g[i]));
      const std::size_t at = i / kIntermediate * 2 * kIntermediate + i % kIntermediate;
      both[at] = gate.dout[i] * gate.u[i] * (s + gate.g[i] * s * (1 - s));
      both[at + kIntermediate] = gate.dout[i] * gate.g[i] * s;
    }
    return both;
  }

  swiglu_plan_desc desc{};
  Values x = random_values(kM * kModel, 1);
  Values w = random_values(2 * kIntermediate * kModel, 2);
  GateOperands gate{random_values(kM * kIntermediate, 3), random_values(kM* kIntermediate, 4),
                    random_values(kM* kIntermediate, 5)};
  Values dx = Values(kM * kModel);
  Values dw = Values(2 * kIntermediate * kModel);
};

void check_same(const Values& actual, const Values& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CAPTURE(i);
    CHECK(actual[i] == doctest::Approx(expected[i]).epsilon(1e-9).scale(1));
  }
}

// A point where everyone took one millisecond, but for those named.
PointResult all_alike(const BenchPoint& point, BenchPass pass, Contender other, double milliseconds) {
  PointResult result;
  result.point = point;
  result.kind.dtype = SWIGLU_BF16;
  result.kind.accum = SWIGLU_ACCUM_F32;
  result.kind.weight_layout = SWIGLU_NK;
  for (const Contender contender : contenders_of(pass)) {
    for (int i = 0; i < 3; ++i) {
      result.of(contender).burst.add({contender == other ? milliseconds : 1.0, 1500});
    }
  }
  return result;
}

const BenchPoint kGoalPoint{"", 8192, 2048, 6144};

std::optional<double> goal_at(const BenchPoint& point, const Comparison& comparison) {
  return goal_of(all_alike(point, BenchPass::backward, Contender::dx, 1), comparison);
}

}  // namespace

TEST_CASE("every pass compares contenders that it times, of the same products, replayed alike") {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kContenderCount; ++i) {
    CHECK(names.insert(name(static_cast<Contender>(i))).second);
  }
  for (const BenchPass pass : kBenchPasses) {
    CHECK(bench_pass(name(pass)) == pass);
    const auto contenders = contenders_of(pass);
    const auto timed = [&](Contender contender) {
      return std::find(contenders.begin(), contenders.end(), contender) != contenders.end();
    };
    for (const Contender contender : contenders) {
      CHECK(timed(first_of(contender)));
      CHECK(timed(pace_of(contender)));
    }
    for (const Comparison& comparison : comparisons_of(pass)) {
      CAPTURE(name(comparison));
      CHECK(timed(comparison.ours));
      CHECK(timed(comparison.baseline));
      CHECK(pace_of(comparison.ours) == pace_of(comparison.baseline));
      CHECK(products(comparison.ours) == products(comparison.baseline));
      CHECK(matrices(comparison.ours) == matrices(comparison.baseline));
    }
    for (const Contender gemm : gemms_of(pass)) {
      CHECK(first_of(gemm) != gemm);
    }
  }
  CHECK_THROWS_AS(bench_pass("sideways"), Failure);
}

TEST_CASE("dx and dW as one GEMM each over packed operands are what the library computes, in both layouts") {
  for (const swiglu_layout layout : {SWIGLU_KN, SWIGLU_NK}) {
    const Small small(layout);
    check_same(multiply(dx_gemm(small.desc, Small::kM), small.dgu(), small.w), small.dx);
    const Values dgu = small.dgu();
    check_same(multiply(dw_gemm(small.desc, Small::kM), small.kn() ? small.x : dgu, small.kn() ? dgu : small.x),
               small.dw);
    const GemmShape forward = forward_gemm(small.desc, Small::kM);
    CHECK(forward.rows == Small::kM);
    CHECK(forward.columns == 2 * Small::kIntermediate);
    CHECK(forward.b_transposed == !small.kn());
  }
}

TEST_CASE("float64 references: some rows of dx, some columns of the weights' gradients") {
  constexpr std::size_t kN = Small::kIntermediate;
  for (const swiglu_layout layout : {SWIGLU_KN, SWIGLU_NK}) {
    const Small small(layout);
    // Dense weights of their own, as the oracle has them.
    RandomProblem weights;
    const std::vector<std::uint16_t> packed = as_bf16(small.w);
    for (std::size_t i = 0; i < packed.size(); ++i) {
      const bool up = small.kn() ? i % (2 * kN) >= kN : i >= packed.size() / 2;
      (up ? weights.w_up : weights.w_gate).push_back(packed[i]);
    }
    const auto rows_of = [](const Values& matrix) { return Values(matrix.end() - 2 * kN, matrix.end()); };
    const Values dx =
        reference_dx(small.desc, weights, {rows_of(small.gate.dout), rows_of(small.gate.g), rows_of(small.gate.u)});
    check_same(dx, Values(small.dx.end() - 2 * Small::kModel, small.dx.end()));

    const std::vector<std::size_t> columns{0, 3, 9};
    const auto columns_of = [&](const Values& matrix) {
      Values some;
      for (std::size_t row = 0; row < Small::kM; ++row) {
        for (const std::size_t column : columns) {
          some.push_back(matrix[row * kN + column]);
        }
      }
      return some;
    };
    const WeightGradients dw =
        reference_dw(small.desc, as_bf16(small.x),
                     {columns_of(small.gate.dout), columns_of(small.gate.g), columns_of(small.gate.u)});
    Values gate;
    Values up;
    for (const std::size_t column : columns) {
      for (std::size_t k = 0; k < Small::kModel; ++k) {
        const std::size_t at = small.kn() ? k * 2 * kN + column : column * Small::kModel + k;
        gate.push_back(small.dw[at]);
        up.push_back(small.dw[at + static_cast<std::size_t>(small.up_offset())]);
      }
    }
    check_same(dw.gate, gate);
    check_same(dw.up, up);
  }
}

TEST_CASE("a gradient may lose more than one rounding, less than what an unfused computation may") {
  const Limits one = error_limits(SWIGLU_BF16, SWIGLU_ACCUM_F32, 8192, 1 << 20);
  const Limits gradient = gradient_limits(SWIGLU_BF16, SWIGLU_ACCUM_F32, 8192, 1 << 20);
  const Limits unfused = unfused_limits(SWIGLU_BF16, SWIGLU_ACCUM_F32, 8192, 1 << 20);
  CHECK(one.whole < gradient.whole);
  CHECK(gradient.whole < unfused.whole);
  CHECK(one.block < gradient.block);
  CHECK(gradient.block < unfused.block);
}

TEST_CASE("goals bind at 8192 tokens, d_intermediate three times d_model, and nowhere else") {
  using enum Contender;
  CHECK(goal_at(kGoalPoint, {dx, dx_first}) == 1.0);
  CHECK(goal_at(kGoalPoint, {dw, dw_best}) == 1.02);
  CHECK(goal_at({"", 8192, 4096, 12288}, {dx, dx_best}) == 1.02);
  CHECK(goal_at({"", 8192, 1024, 3072}, {both_stored, both_first}) == 0.92);
  CHECK(goal_at(kGoalPoint, {both_stored, both_first}) == 0.95);
  CHECK(goal_at({"", 8192, 4096, 12288}, {both_stored, both_first}) == 0.97);
  CHECK(goal_at(kGoalPoint, {both_recomputed, both_stored}) == 1.32);
  CHECK(*goal_at(kGoalPoint, {dgate, copy}) == doctest::Approx(1 / 0.9));
  CHECK_FALSE(goal_at({"", 8192, 1024, 3072}, {dx, dx_first}));
  CHECK_FALSE(goal_at({"", 8192, 2048, 14336}, {dx, dx_first}));
  CHECK_FALSE(goal_at({"", 512, 2048, 6144}, {dx, dx_first}));
  CHECK_FALSE(goal_at(kGoalPoint, {dgate, elementwise}));
  for (const BenchPass pass : {BenchPass::backward, BenchPass::forward_backward}) {  // each is of a ratio that is shown
    const auto shown = comparisons_of(pass);
    CHECK(std::any_of(shown.begin(), shown.end(),
                      [](const Comparison& comparison) { return goal_at(kGoalPoint, comparison).has_value(); }));
  }
}

TEST_CASE("rates: operations of the products, bytes of dgate and of a copy") {
  using enum Contender;
  const PointResult result = all_alike(kGoalPoint, BenchPass::backward, dgate, 0.25);
  const double product = 2.0 * 8192 * 2048 * 6144;
  CHECK(tera_flops(result, backward, Mode::burst) == doctest::Approx(4 * product / 1e-3 * 1e-12));
  CHECK(tera_flops(result, dx, Mode::burst) == doctest::Approx(2 * product / 1e-3 * 1e-12));
  CHECK(gigabytes_per_second(result, dgate, Mode::burst) == doctest::Approx(5 * 2.0 * 8192 * 6144 / 0.25e-3 * 1e-9));
  CHECK(gigabytes_per_second(result, copy, Mode::burst) == doctest::Approx(5 * 2.0 * 8192 * 6144 / 1e-3 * 1e-9));
  CHECK(std::isnan(tera_flops(result, dgate, Mode::burst)));
  CHECK(std::isnan(gigabytes_per_second(result, dx, Mode::burst)));
}

TEST_CASE("a block of lines: everyone, every ratio, goals met and missed") {
  using enum Contender;
  PointResult result = all_alike(kGoalPoint, BenchPass::backward, dx, 1.01);
  result.kernels = {{"dx", {{"family", "mma_sm80"}, {"tile", "128x64x64"}}},
                    {"dgate", {{"family", "streaming"}, {"tile", "1x2048x1"}}}};
  const std::string text = block_of(result, BenchPass::backward);
  CHECK(text.find("dx mma_sm80/128x64x64\n") != std::string::npos);
  CHECK(text.find("1x2048x1") == std::string::npos);
  for (const Contender contender : contenders_of(BenchPass::backward)) {
    CHECK(text.find(std::string("\n  ") + label(contender) + " ") != std::string::npos);
  }
  const auto line_of = [&](const Comparison& comparison) {
    const std::size_t begin = text.find("\n  " + label(comparison) + " ");
    REQUIRE(begin != std::string::npos);
    return text.substr(begin + 1, text.find('\n', begin + 1) - begin - 1);
  };
  CHECK(line_of({dx, dx_first}).find("1.010") != std::string::npos);
  CHECK(line_of({dx, dx_first}).ends_with("goal 1.000: burst MISSED"));
  CHECK(line_of({dx, dx_best}).ends_with("goal 1.020: burst met"));
  CHECK(line_of({dgate, elementwise}).find("goal") == std::string::npos);
  BenchRequest request;
  request.pass = BenchPass::backward;
  BenchReport report;
  report.points = {result, PointResult{}};
  CHECK(goals_met(request, report) == "MISSED dx/T(dx) burst 1.010 for 1.000: m8192 2048x6144\ngoals met: 4 of 5\n");
  report.points.clear();
  CHECK(goals_met(request, report).empty());
}

TEST_CASE("kernels that a record or SWIGLU_TILE chose are named, and are judged by no goal") {
  PointResult result = all_alike(kGoalPoint, BenchPass::backward, Contender::dx, 1);
  result.kernels = {{"dgate", {{"choice", "estimate"}}}, {"dx", {{"choice", "estimate"}}}};
  BenchReport report;
  report.points = {result, result};
  CHECK(chosen_otherwise(report).empty());
  report.points[1].kernels["dx"]["choice"] = "user record";
  CHECK(chosen_otherwise(report).find("at 1 of 2 points") != std::string::npos);
  CHECK(chosen_otherwise(report).find("dx user record") != std::string::npos);
  CHECK(block_of(result, BenchPass::backward).find("on paper") == std::string::npos);
  CHECK(block_of(report.points[1], BenchPass::backward).find("not chosen on paper: dx user record") !=
        std::string::npos);
  BenchRequest request;
  request.pass = BenchPass::backward;
  CHECK(goals_met(request, report) == "goals met: 5 of 5\n");
  const Json json = Json::parse(to_json(request, report, "", "").dump());
  CHECK(json["summary"]["not_chosen_on_paper"] == 1);
}

TEST_CASE("the JSON of a backward pass: rates, ratios with goals, replays and algorithms of everyone") {
  BenchRequest request;
  request.pass = BenchPass::backward;
  BenchReport report;
  report.points = {all_alike(kGoalPoint, BenchPass::backward, Contender::dx, 0.5)};
  report.points[0].of(Contender::dgate).launches = 20;
  report.points[0].of(Contender::dx_best).best_algorithm = 3;
  const Json json = Json::parse(to_json(request, report, "swiglu bench goals", "2026-01-01T00:00:00Z").dump());
  CHECK(json["pass"] == "backward");
  const Json& point = json["points"][0];
  CHECK(point["contenders"]["kernel_dx"]["burst"]["milliseconds"] == 0.5);
  CHECK(point["contenders"]["kernel_dx"]["burst"].contains("tflops"));
  CHECK_FALSE(point["contenders"]["kernel_dgate"]["burst"].contains("tflops"));
  CHECK(point["contenders"]["copy"]["burst"].contains("gigabytes_per_second"));
  CHECK(point["time_ratios"]["kernel_dx_over_cublaslt_dx_first"]["burst"] == 0.5);
  CHECK(point["goals"]["kernel_dx_over_cublaslt_dx_first"] == 1.0);
  CHECK_FALSE(point["goals"].contains("kernel_dgate_over_elementwise"));
  CHECK(point["replays"]["kernel_dgate"]["launches_per_burst"] == 20);
  CHECK(point["gemms"]["cublaslt_dx_best"]["best_algorithm"] == 3);
  CHECK(json["summary"]["kernel_dx_over_cublaslt_dx_first"]["burst"]["geometric_mean"] == doctest::Approx(0.5));
}

TEST_CASE("of a description, the kernels for the best aligned operands, by pass") {
  const Json description = Json::parse(R"({"kernels": [{"pass": "dx", "alignment": 16, "tile": "a"},
      {"pass": "dx", "alignment": 2, "tile": "b"}, {"pass": "forward", "alignment": 16, "tile": "c"}]})");
  CHECK(kernels_of(description).size() == 2);
  CHECK(kernels_of(description)["dx"]["tile"] == "a");
  CHECK(kernel_of(description, SWIGLU_PASS_FORWARD)["tile"] == "c");
  CHECK(kernel_of(description, SWIGLU_PASS_FORWARD_STORE).empty());
}
