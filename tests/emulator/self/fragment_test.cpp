// mma and ldmatrix against a plain matrix product, with the fragments placed by the tables of the PTX ISA (section
// "Matrix Fragments for mma.m16n8k16", written down here once more, independently of operations/).
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "base/numeric.h"
#include "engine/launch.h"
#include "ptx/ldmatrix.cuh"
#include "ptx/memory.cuh"
#include "ptx/mma.cuh"
#include "ptx/shared.cuh"

namespace swiglu::emulator {
namespace {

using A = std::array<std::array<float, 16>, 16>;
using B = std::array<std::array<float, 8>, 16>;
using D = std::array<std::array<float, 8>, 16>;

// Small integers: every product and sum is exact in bf16, f16 and f32, whatever the order.
template <typename Matrix>
Matrix random_integers(unsigned seed) {
  std::mt19937 generator(seed);
  Matrix matrix;
  for (auto& row : matrix) {
    for (float& value : row) {
      value = static_cast<float>(static_cast<int>(generator() % 15) - 7);
    }
  }
  return matrix;
}

D product(const A& a, const B& b, const D& c) {
  D d = c;
  for (std::size_t m = 0; m < 16; ++m) {
    for (std::size_t n = 0; n < 8; ++n) {
      for (std::size_t k = 0; k < 16; ++k) {
        d[m][n] += a[m][k] * b[k][n];
      }
    }
  }
  return d;
}

using Narrow = std::uint16_t (*)(float);

unsigned pair(Narrow narrow, float low, float high) { return narrow(low) | static_cast<unsigned>(narrow(high)) << 16; }

// a_i for i = 0..7: row groupID for 0 <= i < 2 and 4 <= i < 6, else groupID + 8; column threadID_in_group * 2 + (i &
// 1),
// + 8 for i >= 4. b_i for i = 0..3: row threadID_in_group * 2 + (i & 1), + 8 for i >= 2; column groupID.
void fragments(Narrow narrow, const A& a, const B& b, unsigned (&ra)[4], unsigned (&rb)[2]) {
  const unsigned lane = threadIdx.x % 32;
  const unsigned group = lane >> 2;
  const unsigned in_group = lane % 4;
  for (unsigned i = 0; i < 8; i += 2) {
    const unsigned row = (i < 2 || (i >= 4 && i < 6)) ? group : group + 8;
    const unsigned column = in_group * 2 + (i >= 4 ? 8 : 0);
    ra[i / 2] = pair(narrow, a[row][column], a[row][column + 1]);
  }
  for (unsigned i = 0; i < 4; i += 2) {
    const unsigned row = in_group * 2 + (i >= 2 ? 8 : 0);
    rb[i / 2] = pair(narrow, b[row][group], b[row + 1][group]);
  }
}

Report launch_warps(unsigned warps, const std::function<void()>& kernel) {
  GlobalMemory global;
  return launch({{1, 1, 1}, {warps * 32, 1, 1}, 8192}, global, kernel);
}

TEST_CASE("mma with f32 accumulators is the matrix product, in both types") {
  const A a = random_integers<A>(1);
  const B b = random_integers<B>(2);
  const D c = random_integers<D>(3);
  const D expected = product(a, b, c);
  for (const bool bf16 : {true, false}) {
    D result{};
    const Report report = launch_warps(1, [&] {
      unsigned ra[4];
      unsigned rb[2];
      fragments(bf16 ? float_to_bf16 : float_to_f16, a, b, ra, rb);
      // c_i: row groupID for i < 2, else groupID + 8; column threadID_in_group * 2 + (i & 1).
      const unsigned row = threadIdx.x / 4;
      const unsigned column = threadIdx.x % 4 * 2;
      float d[4] = {c[row][column], c[row][column + 1], c[row + 8][column], c[row + 8][column + 1]};
      bf16 ? ptx::mma_m16n8k16_bf16_f32(d, ra, rb) : ptx::mma_m16n8k16_f16_f32(d, ra, rb);
      result[row][column] = d[0];
      result[row][column + 1] = d[1];
      result[row + 8][column] = d[2];
      result[row + 8][column + 1] = d[3];
    });
    CHECK(report.text() == "");
    CHECK(report.counters.mma == 1);
    CHECK(result == expected);
  }
}

TEST_CASE("mma with f16 accumulators packs two columns to a register and rounds once") {
  const A a = random_integers<A>(4);
  const B b = random_integers<B>(5);
  const D c = random_integers<D>(6);
  const D expected = product(a, b, c);
  D result{};
  const Report report = launch_warps(1, [&] {
    unsigned ra[4];
    unsigned rb[2];
    fragments(float_to_f16, a, b, ra, rb);
    const unsigned row = threadIdx.x / 4;
    const unsigned column = threadIdx.x % 4 * 2;
    unsigned d[2] = {pair(float_to_f16, c[row][column], c[row][column + 1]),
                     pair(float_to_f16, c[row + 8][column], c[row + 8][column + 1])};
    ptx::mma_m16n8k16_f16_f16(d, ra, rb);
    for (unsigned half = 0; half < 2; ++half) {
      result[row + 8 * half][column] = f16_to_float(static_cast<std::uint16_t>(d[half] & 0xffffU));
      result[row + 8 * half][column + 1] = f16_to_float(static_cast<std::uint16_t>(d[half] >> 16));
    }
  });
  CHECK(report.text() == "");
  CHECK(result == expected);

  A ones{};
  B column_of_ones{};
  ones[0].fill(1.0F);
  for (auto& row : column_of_ones) {
    row[0] = 0.0625F;  // sixteen of them make 1
  }
  unsigned first = 0;
  launch_warps(1, [&] {
    unsigned ra[4];
    unsigned rb[2];
    fragments(float_to_f16, ones, column_of_ones, ra, rb);
    unsigned d[2] = {pair(float_to_f16, 2048.0F, 0.0F), 0};
    ptx::mma_m16n8k16_f16_f16(d, ra, rb);
    if (threadIdx.x == 0) {
      first = d[0] & 0xffffU;
    }
  });
  // 2049 is half-way between the f16 numbers 2048 and 2050: to even. Rounding after each product gives the same; 2048 +
  // 3 products of 1 tells the difference below.
  CHECK(f16_to_float(static_cast<std::uint16_t>(first)) == 2048.0F);
  for (auto& row : column_of_ones) {
    row[0] = 0.1875F;
  }
  launch_warps(1, [&] {
    unsigned ra[4];
    unsigned rb[2];
    fragments(float_to_f16, ones, column_of_ones, ra, rb);
    unsigned d[2] = {pair(float_to_f16, 2048.0F, 0.0F), 0};
    ptx::mma_m16n8k16_f16_f16(d, ra, rb);
    if (threadIdx.x == 0) {
      first = d[0] & 0xffffU;
    }
  });
  CHECK(f16_to_float(static_cast<std::uint16_t>(first)) ==
        2052.0F);  // 2051 to even; one product at a time stays at 2048
}

TEST_CASE("NaN and Inf stay in their row and column") {
  A a = random_integers<A>(7);
  const B b = random_integers<B>(8);
  a[3][5] = std::numeric_limits<float>::quiet_NaN();
  D result{};
  launch_warps(1, [&] {
    unsigned ra[4];
    unsigned rb[2];
    fragments(float_to_bf16, a, b, ra, rb);
    float d[4] = {};
    ptx::mma_m16n8k16_bf16_f32(d, ra, rb);
    for (unsigned i = 0; i < 4; ++i) {
      result[threadIdx.x / 4 + i / 2 * 8][threadIdx.x % 4 * 2 + i % 2] = d[i];
    }
  });
  for (std::size_t m = 0; m < 16; ++m) {
    for (std::size_t n = 0; n < 8; ++n) {
      CHECK(std::isnan(result[m][n]) == (m == 3));
    }
  }
}

// Matrix i of four, element (row, column), as a value that names it.
unsigned element(unsigned matrix, unsigned row, unsigned column) { return matrix * 64 + row * 8 + column; }

TEST_CASE("ldmatrix hands out rows, and columns when transposed") {
  std::vector<std::array<unsigned, 4>> plain(32);
  std::vector<std::array<unsigned, 4>> transposed(32);
  std::vector<std::array<unsigned, 2>> plain_two(32);
  std::vector<std::array<unsigned, 2>> transposed_two(32);
  const Report report = launch_warps(1, [&] {
    const unsigned lane = threadIdx.x;
    const unsigned base = ptx::shared_address(ptx::dynamic_shared());
    ptx::Packet<16> row{};
    for (unsigned column = 0; column < 8; ++column) {
      row.words[column / 2] |= element(lane / 8, lane % 8, column) << (column % 2 * 16);
    }
    // Rows far apart and out of order: only the addresses count.
    const unsigned address = base + (lane * 7 % 32) * 80;
    ptx::store_shared<16>(address, row);
    __syncthreads();
    unsigned r[4];
    ptx::ldmatrix_x4(r, address);
    std::copy(r, r + 4, plain[lane].begin());
    ptx::ldmatrix_x4_trans(r, address);
    std::copy(r, r + 4, transposed[lane].begin());
    unsigned two[2];
    const unsigned counting = lane < 16 ? address : 1;  // the others' are not looked at
    ptx::ldmatrix_x2(two, counting);
    std::copy(two, two + 2, plain_two[lane].begin());
    ptx::ldmatrix_x2_trans(two, counting);
    std::copy(two, two + 2, transposed_two[lane].begin());
  });
  CHECK(report.text() == "");
  CHECK(report.counters.ldmatrix == 12);
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned matrix = 0; matrix < 4; ++matrix) {
      const unsigned major = lane / 4;
      const unsigned minor = lane % 4 * 2;
      CHECK(plain[lane][matrix] == (element(matrix, major, minor) | element(matrix, major, minor + 1) << 16));
      CHECK(transposed[lane][matrix] == (element(matrix, minor, major) | element(matrix, minor + 1, major) << 16));
    }
    CHECK(std::equal(plain_two[lane].begin(), plain_two[lane].end(), plain[lane].begin()));
    CHECK(std::equal(transposed_two[lane].begin(), transposed_two[lane].end(), transposed[lane].begin()));
  }
}

TEST_CASE("the warps of a block compute independently") {
  const A a = random_integers<A>(9);
  const B b = random_integers<B>(10);
  std::array<float, 3> first{};
  const Report report = launch_warps(3, [&] {
    unsigned ra[4];
    unsigned rb[2];
    fragments(float_to_f16, a, b, ra, rb);
    const unsigned warp = threadIdx.x / 32;
    float d[4] = {};
    for (unsigned i = 0; i <= warp; ++i) {
      ptx::mma_m16n8k16_f16_f32(d, ra, rb);
    }
    if (threadIdx.x % 32 == 0) {
      first[warp] = d[0];
    }
  });
  CHECK(report.text() == "");
  CHECK(report.counters.mma == 6);
  const float once = product(a, b, D{})[0][0];
  CHECK(first == std::array<float, 3>{once, 2 * once, 3 * once});
}

}  // namespace
}  // namespace swiglu::emulator
