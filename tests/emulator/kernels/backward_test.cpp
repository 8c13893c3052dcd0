// The kernels of the backward pass over shapes, alignments, paddings and modes, for one dtype, accumulator and layout:
// compiled once for each combination.
#include <doctest/doctest.h>

#include <vector>

#include "kernels/backward_cases.h"
#include "kernels/combination.h"

namespace swiglu::emulator {
namespace {

// Small tiles, so that small shapes have edges, several tiles and several raster groups.
constexpr Tile kSimtTile{32, 32, 16, 1, 2, 4, 2};
constexpr Tile kMmaTile{64, 32, 32, 3, 2, 2, 2};
constexpr Tile kStreamingTile{1, 512, 1, 1, 2, 1, 1};

constexpr Accum kAccum = Accum::SWIGLU_TEST_ACCUM;

template <Family F, Pass kPass, int kModel, int kIntermediate, int kAccess, Gradient kGradient = Gradient::element>
BackwardCase make() {
  constexpr Tile kTile = F == Family::simt ? kSimtTile : F == Family::mma_sm80 ? kMmaTile : kStreamingTile;
  constexpr Accum kUsed = kPass == Pass::recompute                    ? kAccum
                          : kPass == Pass::dx && kAccum == Accum::f16 ? Accum::f16_promoted
                          : kPass == Pass::dx                         ? kAccum
                                                                      : Accum::f32;
  Problem of = problem(kPass, kModel, kIntermediate, kAccess);
  constexpr KernelConfig kConfig{
      {DType::SWIGLU_TEST_DTYPE, kUsed, Layout::SWIGLU_TEST_LAYOUT, kPass, kModel, kIntermediate, kAccess, kGradient},
      F,
      kTile};
  of.accum = kUsed;
  of.gradient = kGradient;
  CHECK(of == kConfig.problem);
  return backward_case<kConfig>();
}

void check(const BackwardCase& kernel, const BackwardExecution& execution) {
  CHECK(failure(kernel, execution, execute(kernel, execution)) == "");
}

// Every other execution has padded rows and runs its threads backwards.
void check_tokens(const BackwardCase& kernel, const std::vector<std::int64_t>& tokens, int number) {
  for (const std::int64_t m : tokens) {
    ++number;
    check(kernel, {.m = m, .padding = number % 2 * (number % 5 + 1), .reverse = number % 2 == 1});
  }
}

template <Family F, Pass kPass>
void check_by_rows_of_tokens() {
  check_tokens(make<F, kPass, 64, 64, 16>(), {1, 64, 129}, 0);  // tile multiples, several tiles
  check_tokens(make<F, kPass, 33, 33, 2>(), {33, 65}, 1);       // tile + 1
  check_tokens(make<F, kPass, 65, 31, 2>(), {31}, 2);           // one more than both halves of a tile, tile - 1
  check_tokens(make<F, kPass, 1, 1, 2>(), {1, 7}, 0);           // the least there is
  check_tokens(make<F, kPass, 8, 8, 16>(), {3}, 1);             // less than one k tile
  check_tokens(make<F, kPass, 100, 36, 8>(), {67}, 0);          // rows of 8-byte packets
  check_tokens(make<F, kPass, 98, 34, 4>(), {61}, 1);           // rows of 4-byte packets
  check_tokens(make<F, kPass, 127, 101, 16>(), {97}, 0);        // primes in aligned rows, a chunk of promotion and some
}

template <Family F>
void check_weight_gradients(const BackwardCase& kernel) {
  for (const bool accumulate : {false, true}) {
    for (const std::int64_t m : {1, 33, 100}) {
      check(kernel, {.m = m, .padding = m == 33 ? 2 : 0, .reverse = m == 33, .accumulate = accumulate});
    }
  }
  check(kernel, {.m = 300, .padding = 1, .splits = 3});
  check(kernel, {.m = 257, .reverse = true, .splits = 2});
}

template <Family F>
void check_all_weight_gradients() {
  check_weight_gradients<F>(make<F, Pass::dw, 64, 64, 16>());
  check_weight_gradients<F>(make<F, Pass::dw, 72, 40, 16, Gradient::f32>());
  check_weight_gradients<F>(make<F, Pass::dw, 67, 35, 2>());
  check_weight_gradients<F>(make<F, Pass::dw, 36, 100, 8>());
  check_weight_gradients<F>(make<F, Pass::dw, 65, 33, 4, Gradient::f32>());
  check_weight_gradients<F>(make<F, Pass::dw, 1, 1, 2>());
  check_weight_gradients<F>(make<F, Pass::dw_single, 72, 104, 16>());
  check_weight_gradients<F>(make<F, Pass::dw_single, 33, 31, 2>());
  check_weight_gradients<F>(make<F, Pass::dw_single, 33, 69, 8, Gradient::f32>());
}

template <int kModel, int kIntermediate, int kAccess, Gradient kGradient>
void check_sums() {
  const BackwardCase kernel = make<Family::streaming, Pass::dw_sum, kModel, kIntermediate, kAccess, kGradient>();
  for (const bool accumulate : {false, true}) {
    check(kernel, {.splits = 3, .accumulate = accumulate});
    check(kernel, {.padding = 3, .reverse = true, .splits = 1, .accumulate = accumulate, .both = false});
    check(kernel, {.splits = 0, .accumulate = accumulate});
  }
}

TEST_CASE("simt: dx, " SWIGLU_TEST_COMBINATION) { check_by_rows_of_tokens<Family::simt, Pass::dx>(); }
TEST_CASE("mma_sm80: dx, " SWIGLU_TEST_COMBINATION) { check_by_rows_of_tokens<Family::mma_sm80, Pass::dx>(); }
TEST_CASE("simt: recompute, " SWIGLU_TEST_COMBINATION) { check_by_rows_of_tokens<Family::simt, Pass::recompute>(); }
TEST_CASE("mma_sm80: recompute, " SWIGLU_TEST_COMBINATION) {
  check_by_rows_of_tokens<Family::mma_sm80, Pass::recompute>();
}
#if SWIGLU_TEST_ACCUM_IS_F32  // the others are the same whatever the accumulator
TEST_CASE("streaming: dgate, " SWIGLU_TEST_COMBINATION) { check_by_rows_of_tokens<Family::streaming, Pass::dgate>(); }
TEST_CASE("simt: dw, " SWIGLU_TEST_COMBINATION) { check_all_weight_gradients<Family::simt>(); }
TEST_CASE("mma_sm80: dw, " SWIGLU_TEST_COMBINATION) { check_all_weight_gradients<Family::mma_sm80>(); }
TEST_CASE("streaming: dw_sum, " SWIGLU_TEST_COMBINATION) {
  check_sums<64, 40, 16, Gradient::element>();
  check_sums<37, 33, 2, Gradient::element>();
  check_sums<20, 36, 8, Gradient::element>();
  check_sums<64, 40, 16, Gradient::f32>();
  check_sums<37, 33, 4, Gradient::f32>();
  check_sums<20, 34, 8, Gradient::f32>();
}
#endif

}  // namespace
}  // namespace swiglu::emulator
