// The copies between the caller's rows and padded ones over shapes, alignments and choices of matrices: every element
// arrives where it belongs, and nothing else of the caller's is touched.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "base/spelling.h"
#include "engine/launch.h"
#include "kernels/combination.h"
#include "swiglu/streaming.cuh"

namespace swiglu::emulator {
namespace {

constexpr Tile kTile{1, 512, 1, 1, 2, 1, 1};

std::uint16_t element(int matrix, std::int64_t row, int column) {
  return static_cast<std::uint16_t>(matrix * 20011 + row * 313 + column * 7 + 1);
}

struct Side {
  unsigned char* base = nullptr;
  long long ld = 0;

  std::uint16_t at(std::int64_t row, int column) const {
    std::uint16_t bits = 0;
    std::memcpy(&bits, base + (row * ld + column) * kElementBytes, sizeof bits);
    return bits;
  }
};

// `copied`: a bit for each matrix. Empty: all is well.
template <KernelConfig C>
std::string failure(std::int64_t m, unsigned copied, int padding, bool reverse) {
  const Problem& problem = C.problem;
  const bool pad = problem.pass == Pass::pad;
  GlobalMemory global;
  CopyParams params{};
  Side to[kCopied];
  LaunchShape shape;
  unsigned blocks = 0;
  for (int i = 0; i < kCopied; ++i) {
    if ((copied >> i & 1) == 0) {
      continue;
    }
    const std::int64_t rows = copied_rows(problem, i, m);
    const int columns = copied_columns(problem, i);
    const auto side = [&](const char* name, Role role, bool padded) -> Side {
      const int bytes = padded ? kChunkBytes : problem.access_bytes;
      const int unit = bytes / kElementBytes;
      const long long ld = ceil_div(columns, unit) * unit + (padded ? 0 : padding * unit);
      const auto row =
          padded && role == Role::output ? static_cast<std::size_t>(ld) : static_cast<std::size_t>(columns);
      return {global.add({name + std::to_string(i), role, static_cast<std::size_t>(rows), row * kElementBytes,
                          static_cast<std::size_t>(ld) * kElementBytes, static_cast<std::size_t>(bytes)}),
              ld};
    };
    const Side from = side("from", Role::input, !pad);
    to[i] = side("to", Role::output, pad);
    for (std::int64_t row = 0; row < rows; ++row) {
      for (int column = 0; column < columns; ++column) {
        const std::uint16_t bits = element(i, row, column);
        std::memcpy(from.base + (row * from.ld + column) * kElementBytes, &bits, sizeof bits);
      }
    }
    params.matrices[i] = {from.base, to[i].base, rows, from.ld, to[i].ld};
    blocks += static_cast<unsigned>(copied_blocks(C, i, rows));
  }
  shape.grid = {blocks, 1, 1};
  shape.block = {static_cast<unsigned>(threads(C)), 1, 1};
  shape.reverse = reverse;
  std::string errors = launch(shape, global, [&] { streaming::copy<C>(params); }).text();
  for (int i = 0; i < kCopied && errors.empty(); ++i) {
    for (std::int64_t row = 0; row < params.matrices[i].rows; ++row) {
      for (int column = 0; column < copied_columns(problem, i); ++column) {
        if (errors.empty() && to[i].at(row, column) != element(i, row, column)) {
          errors = "matrix " + std::to_string(i) + " [" + std::to_string(row) + ", " + std::to_string(column) +
                   "] is not what was copied";
        }
      }
    }
  }
  return errors.empty() ? ""
                        : print(C) + " m=" + std::to_string(m) + " copied=" + std::to_string(copied) + ": " + errors;
}

template <Pass kPass, int kModel, int kIntermediate, int kAccess>
void check() {
  constexpr KernelConfig kConfig{problem(kPass, kModel, kIntermediate, kAccess), Family::streaming, kTile};
  int turn = 0;
  for (const std::int64_t m : {1, 3, 64, 101}) {
    for (unsigned copied = 1; copied < 8; ++copied) {
      CHECK(failure<kConfig>(m, copied, turn % 3, turn % 2 == 1) == "");
      ++turn;
    }
  }
}

template <Pass kPass>
void check_shapes() {
  check<kPass, 1, 1, 2>();
  check<kPass, 33, 67, 2>();
  check<kPass, 7, 520, 2>();  // more than a block's chunks in a row
  check<kPass, 34, 62, 4>();
  check<kPass, 36, 100, 8>();
  check<kPass, 64, 40, 8>();  // whole chunks in padded rows
  check<kPass, 64, 40, 2>();
  check<kPass, 24, 17, 16>();
}

TEST_CASE("streaming: pad, " SWIGLU_TEST_COMBINATION) { check_shapes<Pass::pad>(); }
TEST_CASE("streaming: unpad, " SWIGLU_TEST_COMBINATION) { check_shapes<Pass::unpad>(); }

}  // namespace
}  // namespace swiglu::emulator
