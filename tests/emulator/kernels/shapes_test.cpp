// Both kernel families over shapes, alignments, paddings, passes and special values, for one dtype, accumulator and
// layout: compiled once for each combination.
#include <doctest/doctest.h>

#include <vector>

#include "kernels/cases.h"
#include "kernels/combination.h"

namespace swiglu::emulator {
namespace {

// Small tiles, so that small shapes have edges, several tiles and several raster groups.
constexpr Tile kSimtTile{32, 32, 16, 1, 2, 4, 2};
constexpr Tile kMmaTile{64, 32, 32, 3, 2, 2, 2};

template <Family kFamily, Pass kPass, int kModel, int kIntermediate, int kAccess>
KernelCase make() {
  return kernel_case<KernelConfig{problem(kPass, kModel, kIntermediate, kAccess), kFamily,
                                  kFamily == Family::simt ? kSimtTile : kMmaTile}>();
}

struct Run {
  KernelCase kernel;
  std::vector<std::int64_t> m;
};

template <Family F>
std::vector<Run> runs() {
  return {
      {make<F, Pass::forward, 64, 64, 16>(), {1, 64}},        // tile multiples
      {make<F, Pass::forward_store, 96, 96, 16>(), {129}},    // several tiles and raster groups
      {make<F, Pass::forward_store, 33, 33, 2>(), {33, 65}},  // tile + 1
      {make<F, Pass::forward, 31, 31, 2>(), {31, 63}},        // tile - 1
      {make<F, Pass::forward_store, 1, 1, 2>(), {1, 7}},      // the least there is
      {make<F, Pass::forward, 8, 8, 16>(), {3}},              // less than one k tile
      {make<F, Pass::forward_store, 100, 36, 8>(), {67}},     // rows of 8-byte packets
      {make<F, Pass::forward, 98, 34, 4>(), {61}},            // rows of 4-byte packets
      {make<F, Pass::forward, 127, 61, 16>(), {97}},          // primes in aligned rows
      {make<F, Pass::forward_store, 131, 67, 2>(), {2, 71}},  // primes, packed
  };
}

// Every other execution has padded rows and runs its threads backwards.
template <Family F>
void check_shapes() {
  int number = 0;
  for (const Run& run : runs<F>()) {
    for (const std::int64_t m : run.m) {
      ++number;
      const Execution execution{m, number % 2 * (number % 5 + 1), number % 2 == 1};
      CHECK(failure(run.kernel, execution, execute(run.kernel, execution)) == "");
    }
  }
}

template <Family F>
void check_special_values() {
  const KernelCase kernel = make<F, Pass::forward_store, 96, 96, 16>();
  const Execution execution{40, 1, false, Fill::special};
  CHECK(failure(kernel, execution, execute(kernel, execution)) == "");
}

TEST_CASE("simt: shapes, " SWIGLU_TEST_COMBINATION) { check_shapes<Family::simt>(); }
TEST_CASE("mma_sm80: shapes, " SWIGLU_TEST_COMBINATION) { check_shapes<Family::mma_sm80>(); }
TEST_CASE("simt: special values, " SWIGLU_TEST_COMBINATION) { check_special_values<Family::simt>(); }
TEST_CASE("mma_sm80: special values, " SWIGLU_TEST_COMBINATION) { check_special_values<Family::mma_sm80>(); }

}  // namespace
}  // namespace swiglu::emulator
