// wgmma against a plain matrix product: every layout of either operand, every width, both types, f32 and f16 sums.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "base/numeric.h"
#include "engine/launch.h"
#include "operations/tensor_map.h"
#include "ptx/mbarrier.cuh"
#include "ptx/memory.cuh"
#include "ptx/shared.cuh"
#include "ptx/tma.cuh"
#include "ptx/wgmma.cuh"
#include "self/operand_layouts.h"

namespace swiglu::emulator {
namespace {

constexpr unsigned kM = 64;
constexpr unsigned kDepth = OperandLayout::kDepth;

// Small integers: every product and sum is exact in bf16, f16 and f32, whatever the order.
std::vector<float> random_integers(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    value = static_cast<float>(static_cast<int>(generator() % 9) - 4);
  }
  return values;
}

// [rows][kDepth] each.
std::vector<float> product(const std::vector<float>& a, const std::vector<float>& b, unsigned n) {
  std::vector<float> d(std::size_t{kM} * n);
  for (std::size_t i = 0; i < kM; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < kDepth; ++k) {
        d[i * n + j] += a[i * kDepth + k] * b[j * kDepth + k];
      }
    }
  }
  return d;
}

std::uint16_t narrow_to(DType type, float value) {
  return type == DType::bf16 ? float_to_bf16(value) : float_to_f16(value);
}

// The accumulators of this thread to their places, by the map in ptx/wgmma.cuh.
template <unsigned kN>
void scatter(const float (&d)[kN / 2], std::vector<float>& result) {
  const unsigned lane = threadIdx.x % 32;
  for (unsigned i = 0; i < kN / 2; ++i) {
    const unsigned row = threadIdx.x / 32 * 16 + lane / 4 + 8 * (i / 2 % 2);
    result[row * kN + 8 * (i / 4) + 2 * (lane % 4) + i % 2] = d[i];
  }
}
template <unsigned kN>
void scatter(const unsigned (&d)[kN / 4], std::vector<float>& result) {
  const unsigned lane = threadIdx.x % 32;
  for (unsigned i = 0; i < kN / 4; ++i) {
    const unsigned row = threadIdx.x / 32 * 16 + lane / 4 + 8 * (i % 2);
    const unsigned column = 8 * (i / 2) + 2 * (lane % 4);
    result[row * kN + column] = f16_to_float(static_cast<std::uint16_t>(d[i] & 0xffffU));
    result[row * kN + column + 1] = f16_to_float(static_cast<std::uint16_t>(d[i] >> 16));
  }
}

template <DType kType, bool kNarrowSums, unsigned kN>
using Sums = std::conditional_t<kNarrowSums, unsigned[kN / 4], float[kN / 2]>;

template <DType kType, bool kNarrowSums, unsigned kN>
void multiply(Sums<kType, kNarrowSums, kN>& d, const OperandLayout& a, unsigned a_start, const OperandLayout& b,
              unsigned b_start) {
  using Instruction = ptx::Wgmma<kType, kNarrowSums, static_cast<int>(kN)>;
  ptx::wgmma_fence();
  for (unsigned step = 0; step < kDepth / 16; ++step) {
    const auto run = [&]<bool kA, bool kB>() {
      Instruction::template multiply<kA, kB>(d, a.descriptor(a_start, step), b.descriptor(b_start, step), step > 0);
    };
    if (a.k_major) {
      b.k_major ? run.template operator()<false, false>() : run.template operator()<false, true>();
    } else {
      b.k_major ? run.template operator()<true, false>() : run.template operator()<true, true>();
    }
  }
  ptx::wgmma_commit();
  ptx::wgmma_wait<0>();
}

// Operands are placed by ordinary stores. Empty, or what is wrong.
template <DType kType, bool kNarrowSums, unsigned kN>
std::string check(const OperandLayout& a, const OperandLayout& b) {
  const std::vector<float> a_values = random_integers(std::size_t{kM} * kDepth, 1);
  const std::vector<float> b_values = random_integers(std::size_t{kN} * kDepth, 2);
  std::vector<float> result(std::size_t{kM} * kN, std::numeric_limits<float>::quiet_NaN());
  GlobalMemory global;
  LaunchShape shape{{1, 1, 1}, {128, 1, 1}, a.bytes() + b.bytes()};
  shape.log_banks = false;
  const Report report = launch(shape, global, [&] {
    const unsigned a_start = ptx::shared_address(ptx::dynamic_shared());
    const unsigned b_start = a_start + a.bytes();
    const auto place = [&](const OperandLayout& layout, unsigned start, const std::vector<float>& values) {
      for (unsigned i = threadIdx.x; i < layout.rows * kDepth; i += 128) {
        ptx::store_shared<2>(start + layout.offset(i / kDepth, i % kDepth), {{narrow_to(kType, values[i])}});
      }
    };
    place(a, a_start, a_values);
    place(b, b_start, b_values);
    ptx::fence_proxy_async();
    __syncthreads();
    Sums<kType, kNarrowSums, kN> d;
    multiply<kType, kNarrowSums, kN>(d, a, a_start, b, b_start);
    scatter<kN>(d, result);
  });
  std::string errors = report.text();
  if (result != product(a_values, b_values, kN)) {
    errors += "another product\n";
  }
  if (report.counters.wgmma != kDepth / 16) {
    errors += "counted " + std::to_string(report.counters.wgmma) + " instructions\n";
  }
  return errors.empty() ? "" : "a " + a.text() + "; b " + b.text() + ": " + errors;
}

constexpr unsigned kSpans[] = {128, 64, 32, 0};

TEST_CASE("wgmma: every layout of a with every layout of b") {
  for (const bool a_k_major : {true, false}) {
    for (const unsigned a_span : kSpans) {
      for (const bool b_k_major : {true, false}) {
        for (const unsigned b_span : kSpans) {
          CHECK(check<DType::bf16, false, 64>({a_k_major, a_span, kM}, {b_k_major, b_span, 64}) == "");
        }
      }
    }
  }
}

TEST_CASE("wgmma: strides in each other's place give another product") {
  const std::string result = check<DType::bf16, false, 128>({true, 128, kM}, {false, 128, 128, true});
  CHECK(result.find("another product") != std::string::npos);
}

template <unsigned kN>
void check_width() {
  for (const bool k_major : {true, false}) {
    for (const unsigned span : kSpans) {
      const OperandLayout a{true, 128, kM};
      const OperandLayout b{k_major, span, kN};
      if (!k_major && kN * 2 % std::max(span, 1u) != 0) {
        continue;  // MN-major operands consist of whole atoms
      }
      CHECK(check<DType::bf16, false, kN>(a, b) == "");
      CHECK(check<DType::f16, false, kN>(a, b) == "");
      CHECK(check<DType::f16, true, kN>(a, b) == "");
    }
  }
}

TEST_CASE("wgmma: widths, types and sums") {
  check_width<16>();
  check_width<48>();
  check_width<96>();
  check_width<192>();
  check_width<208>();
  check_width<256>();
}

TEST_CASE("wgmma: gate and up side by side are one operand of twice the width") {
  constexpr unsigned kHalf = 96;
  constexpr unsigned kSpan = 64;
  const std::vector<float> a_values = random_integers(std::size_t{kM} * kDepth, 3);
  const std::vector<float> b_values = random_integers(std::size_t{2 * kHalf} * kDepth, 4);
  const std::vector<float> expected = product(a_values, b_values, 2 * kHalf);
  for (const bool k_major : {true, false}) {
    GlobalMemory global;
    const auto matrix = [&](const char* name, const float* values, unsigned rows, bool transposed) {
      const std::size_t lines = transposed ? kDepth : rows;
      const std::size_t columns = transposed ? rows : kDepth;
      const std::size_t pitch = columns * 2 + 16;
      unsigned char* base = global.add({name, Role::input, lines, columns * 2, pitch, 16});
      for (unsigned row = 0; row < rows; ++row) {
        for (unsigned k = 0; k < kDepth; ++k) {
          const std::size_t line = transposed ? k : row;
          const std::size_t column = transposed ? row : k;
          const std::uint16_t bits = float_to_bf16(values[row * kDepth + k]);
          std::memcpy(base + line * pitch + column * 2, &bits, 2);
        }
      }
      return make_tensor_map(base, static_cast<std::int64_t>(lines), static_cast<std::int64_t>(columns),
                             static_cast<std::int64_t>(pitch), static_cast<int>(lines), kSpan / 2, kSpan);
    };
    const TensorMap a_map = matrix("a", a_values.data(), kM, false);
    const TensorMap gate_map = matrix("gate", b_values.data(), kHalf, !k_major);
    const TensorMap up_map = matrix("up", &b_values[std::size_t{kHalf} * kDepth], kHalf, !k_major);
    const OperandLayout a{true, kSpan, kM};
    const OperandLayout half{k_major, kSpan, kHalf};
    const OperandLayout both{k_major, kSpan, 2 * kHalf};
    std::vector<float> result(std::size_t{kM} * 2 * kHalf);
    const Report report = launch({{1, 1, 1}, {128, 1, 1}, 65536}, global, [&] {
      const unsigned a_start = ptx::shared_address(ptx::dynamic_shared());
      const unsigned b_start = a_start + a.bytes();
      const unsigned barrier = b_start + both.bytes();
      if (threadIdx.x == 0) {
        ptx::mbarrier_init(barrier, 1);
        ptx::mbarrier_fence_init();
        ptx::mbarrier_arrive_expect(barrier, a.bytes() + both.bytes());
        constexpr int kElements = kSpan / 2;
        for (unsigned part = 0; part < kDepth * 2 / kSpan; ++part) {
          ptx::tma_load(a_start + part * kM * kSpan, a_map, static_cast<int>(part) * kElements, 0, barrier);
        }
        if (k_major) {  // of each part of k the rows of gate, then those of up
          for (unsigned part = 0; part < kDepth * 2 / kSpan; ++part) {
            const unsigned start = b_start + part * 2 * kHalf * kSpan;
            ptx::tma_load(start, gate_map, static_cast<int>(part) * kElements, 0, barrier);
            ptx::tma_load(start + kHalf * kSpan, up_map, static_cast<int>(part) * kElements, 0, barrier);
          }
        } else {  // the atoms of gate, then those of up
          for (unsigned atom = 0; atom < kHalf * 2 / kSpan; ++atom) {
            const unsigned start = b_start + atom * kDepth * kSpan;
            ptx::tma_load(start, gate_map, static_cast<int>(atom) * kElements, 0, barrier);
            ptx::tma_load(start + half.bytes(), up_map, static_cast<int>(atom) * kElements, 0, barrier);
          }
        }
      }
      __syncthreads();
      ptx::mbarrier_wait(barrier, 0);
      float d[kHalf];
      multiply<DType::bf16, false, 2 * kHalf>(d, a, a_start, both, b_start);
      scatter<2 * kHalf>(d, result);
    });
    CHECK(report.text() == "");
    CHECK(result == expected);
  }
}

// Sums that begin at `start` and get sixteen products of `a` and 1 in column 0.
template <DType kType, bool kNarrowSums>
float sum_of(float start, float a_value) {
  const OperandLayout a{true, 32, kM};
  const OperandLayout b{true, 32, 16};
  std::vector<float> result(std::size_t{kM} * 16);
  GlobalMemory global;
  const Report report = launch({{1, 1, 1}, {128, 1, 1}, a.bytes() + b.bytes()}, global, [&] {
    const unsigned a_start = ptx::shared_address(ptx::dynamic_shared());
    for (unsigned i = threadIdx.x; i < kM * 16; i += 128) {
      ptx::store_shared<2>(a_start + a.offset(i / 16, i % 16), {{narrow_to(kType, a_value)}});
    }
    for (unsigned i = threadIdx.x; i < 16 * 16; i += 128) {
      ptx::store_shared<2>(a_start + a.bytes() + b.offset(i / 16, i % 16), {{narrow_to(kType, 1.0F)}});
    }
    ptx::fence_proxy_async();
    __syncthreads();
    Sums<kType, kNarrowSums, 16> d;
    for (auto& sum : d) {
      if constexpr (kNarrowSums) {
        sum = float_to_f16(start) * 0x10001u;
      } else {
        sum = start;
      }
    }
    ptx::wgmma_fence();
    ptx::Wgmma<kType, kNarrowSums, 16>::template multiply<false, false>(d, a.descriptor(a_start, 0),
                                                                        b.descriptor(a_start + a.bytes(), 0), true);
    ptx::wgmma_commit();
    ptx::wgmma_wait<0>();
    scatter<16>(d, result);
  });
  CHECK(report.text() == "");
  CHECK(std::all_of(result.begin(), result.end(),
                    [&](float value) { return value == result[0] || (std::isnan(value) && std::isnan(result[0])); }));
  return result[0];
}

TEST_CASE("wgmma: sums are rounded once an instruction") {
  CHECK(sum_of<DType::f16, true>(2048.0F, 0.1875F) == 2052.0F);  // rounding each product away would leave 2048
  CHECK(sum_of<DType::f16, true>(2048.0F, 0.0625F) == 2048.0F);  // half-way: to even
  CHECK(sum_of<DType::f16, false>(2048.0F, 0.0625F) == 2049.0F);
  CHECK(sum_of<DType::bf16, false>(0x1p24F, 0.25F) == 0x1p24F + 4.0F);
  CHECK(std::isnan(sum_of<DType::bf16, false>(std::numeric_limits<float>::quiet_NaN(), 1.0F)));
  CHECK(sum_of<DType::f16, true>(65504.0F, 2.0F) == std::numeric_limits<float>::infinity());
}

}  // namespace
}  // namespace swiglu::emulator
