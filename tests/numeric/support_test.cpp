// The instruments: formats against known bit patterns, and every kind of wrong output that the comparison must not
// miss.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "numeric/cases.h"
#include "support/number_format.h"

namespace swiglu_test {
namespace {

// The right answer, as a library would store it, in the trial's outputs.
void store_reference(Trial& trial) {
  const Reference& reference = trial.reference();
  for (std::size_t i = 0; i < reference.out.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i) / reference.d_intermediate;
    const auto column = static_cast<std::int64_t>(i) % reference.d_intermediate;
    trial.out().matrix->set(row, column, reference.out[i]);
  }
}

Comparison judge(Trial& trial) { return compare(trial.out(), Output::out, SWIGLU_ACCUM_F32, trial.reference(), {}); }

Case plain_case() { return make_case(kKinds[0], 256, 200, {150}); }

}  // namespace

TEST_CASE("formats: known bit patterns, ties to even, denormals, overflow") {
  const auto bits = [](swiglu_dtype dtype, double value) {
    std::uint16_t encoded;
    encode(dtype, value, &encoded);
    return encoded;
  };
  CHECK(bits(SWIGLU_BF16, 1.0) == 0x3F80);
  CHECK(bits(SWIGLU_BF16, 1.0 + 0x1p-8) == 0x3F80);            // tie: even
  CHECK(bits(SWIGLU_BF16, 1.0 + 0x3p-8) == 0x3F82);            // tie: even, upwards
  CHECK(bits(SWIGLU_BF16, 1.0 + 0x1p-8 + 0x1p-40) == 0x3F81);  // a double just above the tie
  CHECK(bits(SWIGLU_BF16, 0x1p-133) == 0x0001);
  CHECK(bits(SWIGLU_BF16, 3.4e38) == 0x7F80);
  CHECK(bits(SWIGLU_F16, -2.0) == 0xC000);
  CHECK(bits(SWIGLU_F16, 65504.0) == 0x7BFF);
  CHECK(bits(SWIGLU_F16, 65519.99) == 0x7BFF);
  CHECK(bits(SWIGLU_F16, 65520.0) == 0x7C00);
  CHECK(bits(SWIGLU_F16, 0x1p-24) == 0x0001);
  CHECK(bits(SWIGLU_F16, 0x1p-25) == 0x0000);
  CHECK(bits(SWIGLU_F16, 0x1.8p-14) == 0x0600);
  for (const swiglu_dtype dtype : {SWIGLU_BF16, SWIGLU_F16}) {
    for (std::uint32_t pattern = 0; pattern < 65536; ++pattern) {
      const auto half = static_cast<std::uint16_t>(pattern);
      const double value = decode(dtype, &half);
      if (!std::isnan(value)) {
        REQUIRE(bits(dtype, value) == half);
      }
    }
  }
  CHECK(half_unit(format_of(SWIGLU_BF16), 1.5) == 0x1p-8);
  CHECK(half_unit(format_of(SWIGLU_F16), 0x1p-20) == 0x1p-25);
}

TEST_CASE("the comparison accepts the rounded reference") {
  Trial trial(memory_under_test(), plain_case(), 150);
  store_reference(trial);
  const Comparison comparison = judge(trial);
  CHECK(comparison.failure == "");
  CHECK(comparison.error < 0.75 * comparison.unfused);
}

TEST_CASE("the comparison sees a second rounding") {
  Trial trial(memory_under_test(), plain_case(), 150);
  const Reference& reference = trial.reference();
  store_reference(trial);
  const NumberFormat& format = format_of(SWIGLU_BF16);
  for (std::int64_t row = 64; row < 128; ++row) {  // in one block of 64x64: g is rounded before the activation
    for (std::int64_t column = 64; column < 128; ++column) {
      const auto i = static_cast<std::size_t>(row * reference.d_intermediate + column);
      trial.out().matrix->set(row, column, silu(round_to(format, reference.g[i])) * reference.u[i]);
    }
  }
  CHECK(judge(trial).failure.find("out block [64, 64] .. [127, 127]") != std::string::npos);
}

TEST_CASE("the comparison sees one wrong element, poison, a NaN, an infinity and swapped halves") {
  Trial trial(memory_under_test(), plain_case(), 150);
  GuardedMatrix& out = *trial.out().matrix;
  // The largest of a row: a small one may be 2 % off, as its sums cancel.
  const auto row = trial.reference().out.begin() + 77 * 200;
  const auto largest = std::max_element(row, row + 200, [](double a, double b) { return std::fabs(a) < std::fabs(b); });
  const double right = *largest;
  const std::int64_t column = largest - row;
  const std::string place = "out[77, " + std::to_string(column) + "]";
  const auto failure_with = [&](double value) {
    store_reference(trial);
    out.set(77, column, value);
    return judge(trial).failure;
  };
  CHECK(failure_with(right + 0.02 * std::fabs(right)).find(place) != std::string::npos);
  CHECK(failure_with(std::numeric_limits<double>::quiet_NaN()).find(place) != std::string::npos);
  CHECK(failure_with(std::numeric_limits<double>::infinity()).find(place) != std::string::npos);
  CHECK(failure_with(-right) != "");
  out.poison_elements();
  CHECK(judge(trial).failure.find("30000 bad of 30000") != std::string::npos);
  store_reference(trial);
  for (std::int64_t i = 0; i < 150 * 200; ++i) {  // silu(u) * g
    const auto at = static_cast<std::size_t>(i);
    out.set(i / 200, i % 200, silu(trial.reference().u[at]) * trial.reference().g[at]);
  }
  CHECK(judge(trial).failure != "");
}

TEST_CASE("guard zones: a byte before, after or between rows is seen, and so is a changed input") {
  HostMemory memory;
  GuardedMatrix matrix(memory, SWIGLU_BF16, 4, 10, {3, 1});
  matrix.fill_value(1);
  auto* first = static_cast<std::byte*>(matrix.device());
  const auto damage_at = [&](std::ptrdiff_t byte) {
    matrix.upload();
    first[byte] ^= std::byte{1};
    matrix.download();
    const std::string damage = matrix.damage("out", false);
    first[byte] ^= std::byte{1};
    matrix.download();
    return damage;
  };
  CHECK(damage_at(0) == "");   // an element
  CHECK(damage_at(19) == "");  // the last byte of the first row
  CHECK(damage_at(-1).find("before the first row") != std::string::npos);
  CHECK(damage_at(20).find("between rows 0 and 1") != std::string::npos);
  CHECK(damage_at(25).find("5 bytes into the 6") != std::string::npos);
  CHECK(damage_at(3 * 26 + 20).find("after the last row") != std::string::npos);
  matrix.upload();
  first[0] ^= std::byte{1};
  matrix.download();
  CHECK(matrix.damage("x", true) == "x must not be written to, and was");
}

}  // namespace swiglu_test
