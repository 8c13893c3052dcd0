// Panels against the block they were packed from, and widening against base/numeric on every 16-bit pattern.
#include "cpu/pack.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "base/numeric.h"

namespace swiglu::cpu {
namespace {

constexpr std::uint16_t kPoison = 0x7fff;  // NaN in both types

float widen(DType dtype, std::uint16_t bits) { return dtype == DType::bf16 ? bf16_to_float(bits) : f16_to_float(bits); }

bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

TEST_CASE("every 16-bit pattern widens as base/numeric says") {
  constexpr int kPatterns = 1 << 16;
  std::vector<std::uint16_t> all(kPatterns);
  for (int i = 0; i < kPatterns; ++i) {
    all[static_cast<std::size_t>(i)] = static_cast<std::uint16_t>(i);
  }
  for (const DType dtype : {DType::bf16, DType::f16}) {
    std::vector<float> as_rows(kPatterns);
    std::vector<double> as_columns(kPatterns);
    pack_rows({dtype, all.data(), kPatterns}, 1, kPatterns, 1, as_rows.data());
    pack_columns({dtype, all.data(), kPatterns}, kPatterns, 1, 32, as_columns.data());
    int wrong = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const float want = widen(dtype, all[i]);
      wrong += same(as_rows[i], want) && same(as_columns[i], want) ? 0 : 1;
    }
    CHECK(wrong == 0);
  }
}

// A block with poison in the padding of its rows, and what each panel element must be.
template <typename Real, typename Pack, typename Element>
void check_panels(int lanes, int depth, int width, Pack pack, Element element) {
  const int panels = (lanes + width - 1) / width;
  std::vector<Real> packed(static_cast<std::size_t>(panels * width * depth), Real{-1});
  pack(packed.data());
  int wrong = 0;
  for (int lane = 0; lane < panels * width; ++lane) {
    for (int k = 0; k < depth; ++k) {
      const Real got = packed[static_cast<std::size_t>((lane / width * depth + k) * width + lane % width)];
      wrong += got == (lane < lanes ? static_cast<Real>(element(lane, k)) : Real{0}) ? 0 : 1;
    }
  }
  CAPTURE(lanes);
  CAPTURE(depth);
  CAPTURE(width);
  CHECK(wrong == 0);
}

TEST_CASE("panels hold the block, zeros beyond it, and nothing of the padding") {
  constexpr int kPitch = 150;
  std::vector<std::uint16_t> matrix(kPitch * 150, kPoison);
  for (const int lanes : {1, 11, 12, 13, 64, 65, 128}) {
    for (const int depth : {1, 15, 16, 17, 100}) {
      for (const int width : {4, 12, 32}) {
        const auto value = [](int row, int column) { return static_cast<std::uint16_t>(0x3c00 + row * 128 + column); };
        const Block block{DType::f16, matrix.data(), kPitch};
        const auto fill = [&](int rows, int columns) {
          std::fill(matrix.begin(), matrix.end(), kPoison);
          for (int row = 0; row < rows; ++row) {
            for (int column = 0; column < columns; ++column) {
              matrix[static_cast<std::size_t>(row * kPitch + column)] = value(row, column);
            }
          }
        };
        fill(lanes, depth);
        check_panels<float>(
            lanes, depth, width, [&](float* to) { pack_rows(block, lanes, depth, width, to); },
            [&](int lane, int k) { return f16_to_float(value(lane, k)); });
        fill(depth, lanes);
        check_panels<double>(
            lanes, depth, width, [&](double* to) { pack_columns(block, lanes, depth, width, to); },
            [&](int lane, int k) { return f16_to_float(value(k, lane)); });
      }
    }
  }
}

}  // namespace
}  // namespace swiglu::cpu
