// wgmma_sm90 in the passes of the backward pass: shapes, paddings, numbers of blocks and modes, for one dtype,
// accumulator and layout: compiled once for each combination.
#include <doctest/doctest.h>

#include <vector>

#include "kernels/backward_cases.h"
#include "kernels/combination.h"
#include "swiglu/validity.h"

namespace swiglu::emulator {
namespace {

// Small tiles, so that small shapes have edges, several tiles and raster groups, and rings go round.
constexpr Tile kPingPong{64, 64, 64, 3, 4, 1, 2};
constexpr Tile kPingPongTall{128, 64, 64, 2, 4, 1, 1};   // two blocks of operand A to a warpgroup
constexpr Tile kPingPongNarrow{64, 24, 64, 4, 4, 1, 2};  // staged without a swizzle, an odd number of groups
constexpr Tile kCooperative{128, 64, 64, 2, 8, 1, 2};
constexpr Tile kCooperativeWide{128, 128, 64, 2, 8, 1, 2};   // halves by two parts beside dg and du
constexpr Tile kCooperativeApart{128, 192, 64, 2, 8, 1, 2};  // halves of B one after the other
constexpr Tile kSwapped{64, 64, 64, 3, 1, 4, 2};
constexpr Tile kSwappedTall{144, 64, 64, 2, 1, 4, 2};             // two rounds, of an odd number of groups
constexpr Tile kSwappedCooperative{192, 128, 64, 2, 1, 8, 2};     // two rounds
constexpr Tile kSwappedCooperativeOdd{200, 128, 64, 2, 1, 8, 1};  // groups of rows that are no whole tasks
constexpr Tile kSwappedCooperativeNarrow{32, 128, 64, 2, 1, 8, 2};

constexpr Accum kAccum = Accum::SWIGLU_TEST_ACCUM;

struct Run {
  BackwardCase kernel;
  BackwardExecution execution;
};

// Appends what is valid of a tile in this combination.
template <Tile kTile, Pass kPass, int kModel, int kIntermediate, Gradient kGradient = Gradient::element>
void add(std::vector<Run>& runs, const BackwardExecution& execution) {
  constexpr KernelConfig kConfig{
      {DType::SWIGLU_TEST_DTYPE, kAccum, Layout::SWIGLU_TEST_LAYOUT, kPass, kModel, kIntermediate, 16, kGradient},
      Family::wgmma_sm90,
      kTile};
  if constexpr (why_invalid(kConfig) == nullptr) {
    runs.push_back({backward_case<kConfig>(), execution});
  }
}

// Each in turns, forwards or backwards, or by priorities of warps; every other one with padded rows.
void check(const std::vector<Run>& runs) {
  int number = 0;
  for (const Run& run : runs) {
    ++number;
    BackwardExecution execution = run.execution;
    execution.padding = number % 2 * (number % 5 + 1);
    execution.reverse = number % 4 < 2 || execution.without_tiles > 0;  // which come first then
    execution.seed = number % 3 == 0 ? 0 : static_cast<std::uint32_t>(number);
    CHECK(failure(run.kernel, execution, execute(run.kernel, execution)) == "");
  }
}

TEST_CASE("wgmma_sm90: recompute, " SWIGLU_TEST_COMBINATION) {
  constexpr Pass kPass = Pass::recompute;
  std::vector<Run> runs;
  add<kPingPong, kPass, 64, 64>(runs, {.m = 1});
  add<kPingPong, kPass, 200, 136>(runs, {.m = 150, .blocks = 1});  // 9 tiles, more stages than the ring has
  add<kPingPong, kPass, 200, 136>(runs, {.m = 150, .blocks = 2});
  add<kPingPong, kPass, 127, 61>(runs, {.m = 129, .blocks = 1});  // primes
  add<kPingPong, kPass, 1, 1>(runs, {.m = 1, .blocks = 1});
  add<kPingPongTall, kPass, 136, 72>(runs, {.m = 131, .blocks = 1});
  add<kPingPongNarrow, kPass, 72, 61>(runs, {.m = 129, .blocks = 2});
  add<kCooperative, kPass, 131, 67>(runs, {.m = 129, .blocks = 3});
  add<kSwapped, kPass, 200, 136>(runs, {.m = 65, .blocks = 2});
  add<kSwappedTall, kPass, 72, 131>(runs, {.m = 149, .blocks = 2});
  add<kSwappedCooperativeNarrow, kPass, 100, 200>(runs, {.m = 31, .blocks = 1});
  CHECK(runs.size() >= 8);
  check(runs);
}

TEST_CASE("wgmma_sm90: dx, " SWIGLU_TEST_COMBINATION) {
  constexpr Pass kPass = Pass::dx;
  std::vector<Run> runs;
  add<kPingPong, kPass, 64, 64>(runs, {.m = 1});
  add<kPingPong, kPass, 136, 200>(runs, {.m = 150, .blocks = 1});
  add<kPingPong, kPass, 136, 200>(runs, {.m = 60, .blocks = 1});  // stages in pairs
  add<kPingPong, kPass, 300, 40>(runs, {.m = 70, .blocks = 2});   // one stage a segment
  add<kPingPong, kPass, 61, 127>(runs, {.m = 129, .blocks = 2});
  add<kPingPong, kPass, 1, 1>(runs, {.m = 1, .blocks = 1});
  add<kPingPongTall, kPass, 200, 131>(runs, {.m = 131, .blocks = 1});
  add<kPingPongNarrow, kPass, 72, 61>(runs, {.m = 129, .blocks = 2});
  add<kCooperative, kPass, 200, 136>(runs, {.m = 150, .blocks = 1});
  add<kSwapped, kPass, 67, 136>(runs, {.m = 65, .blocks = 1});
  add<kSwapped, kPass, 67, 136>(runs, {.m = 64, .blocks = 1});  // in pairs, an odd number a segment
  add<kSwappedTall, kPass, 72, 131>(runs, {.m = 149, .blocks = 2});
  add<kSwappedCooperative, kPass, 300, 72>(runs, {.m = 200, .blocks = 1});
  CHECK((runs.size() >= 8 || kAccum == Accum::f16));
  check(runs);
}

template <Tile kTile, int kModel, int kIntermediate>
void add_beside(std::vector<Run>& runs) {
  add<kTile, Pass::dgate_dx, kModel, kIntermediate>(runs, {.m = 1, .blocks = 1});
  add<kTile, Pass::dgate_dx, kModel, kIntermediate>(runs, {.m = 150, .blocks = 1, .without_tiles = 2});
  add<kTile, Pass::dgate_dx, kModel, kIntermediate>(runs, {.m = 461, .blocks = 3});  // several groups of rows
}

TEST_CASE("wgmma_sm90: dgate_dx, " SWIGLU_TEST_COMBINATION) {
  std::vector<Run> runs;
  add_beside<kPingPong, 136, 200>(runs);
  add_beside<kPingPongTall, 72, 61>(runs);
  add_beside<kPingPongNarrow, 61, 300>(runs);
  add_beside<kCooperative, 200, 520>(runs);  // sections, the last of one chunk
  add_beside<kSwapped, 300, 131>(runs);
  add_beside<kCooperativeWide, 300, 131>(runs);
  add_beside<kSwappedCooperativeOdd, 72, 131>(runs);
  CHECK((runs.size() >= 9 || kAccum == Accum::f16));  // fewer where columns of weights are contiguous or sums promoted
  check(runs);
}

#if SWIGLU_TEST_ACCUM_IS_F32
constexpr Tile kBanded{32, 128, 64, 2, 1, 8, 8};
constexpr Tile kBandedTall{64, 128, 64, 2, 1, 8, 8};

// Bands of four rows of tiles (swiglu/raster.cuh), of eight and of seven, and loads in step (swiglu/lockstep.cuh).
TEST_CASE("wgmma_sm90: bands and step, " SWIGLU_TEST_COMBINATION) {
  std::vector<Run> runs;
  add<kBanded, Pass::dx, 300, 72>(runs, {.m = 270, .blocks = 9});
  add<kBanded, Pass::dx, 520, 72>(runs, {.m = 256, .blocks = 17});
  add<kBanded, Pass::dx, 300, 500>(runs, {.m = 128, .blocks = 3});
  add<kBandedTall, Pass::dw, 400, 300>(runs, {.m = 70, .blocks = 8});
  add<kBandedTall, Pass::dw, 400, 140>(runs, {.m = 1020, .blocks = 5});
  CHECK(runs.size() == 5);
  check(runs);
}

template <Tile kTile, Pass kPass, int kModel, int kIntermediate, Gradient kGradient = Gradient::element>
void add_modes(std::vector<Run>& runs) {
  add<kTile, kPass, kModel, kIntermediate, kGradient>(runs, {.m = 150, .blocks = 1});
  add<kTile, kPass, kModel, kIntermediate, kGradient>(runs, {.m = 33, .accumulate = true, .blocks = 2});
  add<kTile, kPass, kModel, kIntermediate, kGradient>(runs, {.m = 300, .splits = 3, .blocks = 1});
  add<kTile, kPass, kModel, kIntermediate, kGradient>(runs, {.m = 257, .splits = 2, .accumulate = true, .blocks = 2});
}

TEST_CASE("wgmma_sm90: dw, " SWIGLU_TEST_COMBINATION) {
  std::vector<Run> runs;
  add<kPingPong, Pass::dw, 1, 1>(runs, {.m = 1, .blocks = 1});
  add_modes<kPingPong, Pass::dw, 127, 61>(runs);
  add_modes<kPingPong, Pass::dw, 72, 136, Gradient::f32>(runs);
  add_modes<kPingPongTall, Pass::dw, 200, 72>(runs);
  add_modes<kCooperative, Pass::dw, 136, 200>(runs);
  add_modes<kCooperative, Pass::dw, 131, 67, Gradient::f32>(runs);
  add_modes<kCooperativeApart, Pass::dw, 136, 200>(runs);
  add_modes<kCooperativeApart, Pass::dw, 67, 261, Gradient::f32>(runs);
  add_modes<kSwapped, Pass::dw, 72, 131>(runs);
  add_modes<kSwappedCooperative, Pass::dw, 200, 136>(runs);
  add_modes<kSwappedCooperative, Pass::dw, 196, 131, Gradient::f32>(runs);
  CHECK(runs.size() == 41);
  check(runs);
}

template <Tile kTile, int kModel, int kIntermediate, Gradient kGradient = Gradient::element>
void add_beside_dw(std::vector<Run>& runs) {
  add<kTile, Pass::dgate_dw, kModel, kIntermediate, kGradient>(runs, {.m = 1, .accumulate = true, .blocks = 1});
  add<kTile, Pass::dgate_dw, kModel, kIntermediate, kGradient>(runs, {.m = 150, .blocks = 3, .without_tiles = 1});
  add<kTile, Pass::dgate_dw, kModel, kIntermediate, kGradient>(runs, {.m = 461, .accumulate = true, .blocks = 2});
}

TEST_CASE("wgmma_sm90: dgate_dw, " SWIGLU_TEST_COMBINATION) {
  std::vector<Run> runs;
  add_beside_dw<kCooperativeApart, 136, 200>(runs);
  add_beside_dw<kCooperativeApart, 67, 520, Gradient::f32>(runs);
  add_beside_dw<kCooperative, 200, 131>(runs);
  add_beside_dw<kSwappedCooperative, 300, 61, Gradient::f32>(runs);
  CHECK(runs.size() == 12);
  check(runs);
}

TEST_CASE("wgmma_sm90: dw_single, " SWIGLU_TEST_COMBINATION) {
  std::vector<Run> runs;
  add_modes<kPingPong, Pass::dw_single, 72, 200>(runs);
  add_modes<kPingPongTall, Pass::dw_single, 136, 61, Gradient::f32>(runs);
  add_modes<kSwappedCooperative, Pass::dw_single, 131, 300>(runs);
  CHECK(runs.size() == 12);
  check(runs);
}
#endif

}  // namespace
}  // namespace swiglu::emulator
