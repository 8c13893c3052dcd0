// The CPU device through the API: against a plain double loop, with poison between rows, and at the edges of the
// numbers. The order of its sums is tested in tests/unit/cpu.
#include "api/api.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>

namespace swiglu_test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// bf16 is the upper half of a float; values that are exact in it only.
std::uint16_t bf16(double value) {
  const auto single = static_cast<float>(value);
  std::uint32_t bits = 0;
  std::memcpy(&bits, &single, sizeof bits);
  CHECK(((bits & 0xffff) == 0 || std::isnan(value)));
  return static_cast<std::uint16_t>(bits >> 16);
}

double value_of(std::uint16_t bits) {
  const std::uint32_t wide = std::uint32_t{bits} << 16;
  float value = 0;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

TEST_CASE("f64 outputs equal a double loop for padded rows in both layouts") {
  constexpr std::int64_t kM = 7;
  constexpr std::int64_t kD = 33;
  constexpr std::int64_t kI = 19;
  constexpr std::int64_t kPad = 3;
  for (const swiglu_layout layout : {SWIGLU_KN, SWIGLU_NK}) {
    const bool kn = layout == SWIGLU_KN;
    swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
    desc.weight_layout = layout;
    desc.accum = SWIGLU_ACCUM_F64;
    desc.out_dtype = SWIGLU_F64;
    desc.passes = SWIGLU_PASS_FORWARD_STORE;
    desc.d_model = kD;
    desc.d_intermediate = kI;
    desc.ld_x = kD + kPad;
    desc.ld_w_gate = desc.ld_w_up = (kn ? kI : kD) + kPad;
    desc.ld_out = desc.ld_g = desc.ld_u = kI + kPad;
    const std::uint16_t nan = bf16(std::nan(""));
    std::mt19937 random(7);
    const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
      std::vector<std::uint16_t> elements(static_cast<std::size_t>(rows * (columns + kPad)), nan);
      for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t column = 0; column < columns; ++column) {
          elements[static_cast<std::size_t>(row * (columns + kPad) + column)] =
              bf16(static_cast<int>(random() % 64) / 32.0 - 1);
        }
      }
      return elements;
    };
    const auto x = matrix(kM, kD);
    const auto gate = kn ? matrix(kD, kI) : matrix(kI, kD);
    const auto up = kn ? matrix(kD, kI) : matrix(kI, kD);
    constexpr double kPoison = -12345;
    std::vector<double> outputs[3];
    for (auto& output : outputs) {
      output.assign(static_cast<std::size_t>(kM * (kI + kPad)), kPoison);
    }
    swiglu_forward_args args{};
    args.struct_size = sizeof args;
    args.m = kM;
    args.x = x.data();
    args.w_gate = gate.data();
    args.w_up = up.data();
    args.out = outputs[0].data();
    args.g = outputs[1].data();
    args.u = outputs[2].data();
    const PlanPointer plan = make_plan(desc);
    REQUIRE(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
    for (std::int64_t row = 0; row < kM; ++row) {
      for (std::int64_t column = 0; column < kI + kPad; ++column) {
        const auto index = static_cast<std::size_t>(row * (kI + kPad) + column);
        if (column >= kI) {
          CHECK((outputs[0][index] == kPoison && outputs[1][index] == kPoison && outputs[2][index] == kPoison));
          continue;
        }
        double g = 0;
        double u = 0;
        for (std::int64_t k = 0; k < kD; ++k) {
          const double x_value = value_of(x[static_cast<std::size_t>(row * desc.ld_x + k)]);
          const auto w_index = static_cast<std::size_t>(kn ? k * desc.ld_w_gate + column : column * desc.ld_w_gate + k);
          g += x_value * value_of(gate[w_index]);
          u += x_value * value_of(up[w_index]);
        }
        CHECK(outputs[1][index] == g);  // multiples of 2^-10 below 64: exact in any order
        CHECK(outputs[2][index] == u);
        const double want = g / (1 + std::exp(-g)) * u;
        CHECK(std::abs(outputs[0][index] - want) <= 8 * std::numeric_limits<double>::epsilon() * std::abs(want));
      }
    }
  }
}

// out, g and u for d_model = d_intermediate = m = 1, so g = x * w_gate and u = x * w_up.
struct Single {
  double out;
  double g;
  double u;
};

template <typename Real>
Single single(double x, double gate, double up) {
  swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
  desc.d_model = desc.d_intermediate = 1;
  desc.out_dtype = std::is_same_v<Real, float> ? SWIGLU_F32 : SWIGLU_F64;
  desc.accum = std::is_same_v<Real, float> ? SWIGLU_ACCUM_F32 : SWIGLU_ACCUM_F64;
  desc.passes = SWIGLU_PASS_FORWARD_STORE;
  const std::uint16_t inputs[3] = {bf16(x), bf16(gate), bf16(up)};
  Real outputs[3] = {};
  swiglu_forward_args args{};
  args.struct_size = sizeof args;
  args.m = 1;
  args.x = &inputs[0];
  args.w_gate = &inputs[1];
  args.w_up = &inputs[2];
  args.out = &outputs[0];
  args.g = &outputs[1];
  args.u = &outputs[2];
  const PlanPointer plan = make_plan(desc);
  REQUIRE(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
  return {outputs[0], outputs[1], outputs[2]};
}

TEST_CASE_TEMPLATE("NaN, Inf, huge and denormal gates", Real, float, double) {
  CHECK(std::isnan(single<Real>(1, std::nan(""), 1).out));
  CHECK(std::isnan(single<Real>(1, 1, std::nan("")).out));
  CHECK(std::isnan(single<Real>(0, kInfinity, 1).g));
  CHECK(single<Real>(1, kInfinity, 2).out == kInfinity);
  CHECK(single<Real>(1, kInfinity, -2).out == -kInfinity);
  CHECK(std::isnan(single<Real>(1, -kInfinity, kInfinity).out));
  for (const double gate : {-kInfinity, -0x1p127, -29952.0}) {
    const Single vanishing = single<Real>(1, gate, 3);
    CHECK(vanishing.out == 0);
    CHECK(std::signbit(vanishing.out));
    CHECK(vanishing.g == gate);
    CHECK_FALSE(std::signbit(single<Real>(1, gate, -3).out));
  }
  CHECK(single<Real>(1, 0x1p127, 1).out == 0x1p127);
  CHECK(single<Real>(1, 0, 5).out == 0);
  const double denormal = 0x1p-130;  // of bf16 and f32
  CHECK(single<Real>(1, denormal, 1).g == denormal);
  CHECK(single<Real>(1, denormal, 4).out == 2 * denormal);  // silu(g) = g / 2 there
}

TEST_CASE("f16 accumulators are f32 on the CPU device") {
  swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
  desc.dtype = SWIGLU_F16;
  Buffers f32;
  Buffers f16;
  desc.accum = SWIGLU_ACCUM_F32;
  const swiglu_forward_args f32_args = f32.args(20);
  CHECK(swiglu_execute(make_plan(desc).get(), &f32_args, nullptr) == SWIGLU_OK);
  for (const swiglu_accum accum : {SWIGLU_ACCUM_F16, SWIGLU_ACCUM_F16_PROMOTED}) {
    desc.accum = accum;
    const swiglu_forward_args f16_args = f16.args(20);
    CHECK(swiglu_execute(make_plan(desc).get(), &f16_args, nullptr) == SWIGLU_OK);
    CHECK(f16.out == f32.out);
  }
}

TEST_CASE("describe") {
  swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
  desc.passes = SWIGLU_PASS_FORWARD | SWIGLU_PASS_FORWARD_STORE;
  const PlanPointer plan = make_plan(desc);
  const Json json = Json::parse(text_of([&](char* buffer, size_t size, size_t* needed) {
    return swiglu_plan_describe(plan.get(), 100, buffer, size, needed);
  }));
  CHECK(json["problem"] == "bf16_f32_64x96_kn");
  CHECK(json["device"]["kind"] == "cpu");
  CHECK(json["m"] == 100);
  CHECK(json["bucket"]["first"] == 97);
  CHECK(json["bucket"]["last"] == 128);
  CHECK(json["kernels"].size() == 2);
  CHECK(json["kernels"][1]["pass"] == "forward_store");
}

}  // namespace
}  // namespace swiglu_test
