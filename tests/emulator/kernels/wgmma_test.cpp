// wgmma_sm90 over shapes, passes, paddings, numbers of blocks and special values, for one dtype, accumulator and
// layout: compiled once for each combination.
#include <doctest/doctest.h>

#include <vector>

#include "kernels/cases.h"
#include "kernels/combination.h"
#include "swiglu/validity.h"

namespace swiglu::emulator {
namespace {

// Small tiles, so that small shapes have edges, several tiles, several raster groups, and rings go round.
constexpr Tile kPingPong{64, 64, 64, 3, 4, 1, 2};
constexpr Tile kPingPongTall{128, 64, 64, 2, 4, 1, 1};   // two blocks of operand A to a warpgroup
constexpr Tile kPingPongNarrow{64, 24, 64, 4, 4, 1, 2};  // staged without a swizzle, an odd number of groups
constexpr Tile kPingPongMedium{64, 32, 64, 2, 4, 1, 2};  // staged with a swizzle of 64 bytes
constexpr Tile kCooperative{128, 64, 64, 3, 8, 1, 2};
constexpr Tile kCooperativeTall{256, 40, 64, 2, 8, 1, 2};
constexpr Tile kCooperativeWide{128, 112, 64, 2, 8, 1, 2};  // of weights in kn, one half after the other
constexpr Tile kWithoutProducer{256, 112, 64, 2, 8, 1, 2};  // but of f16 sums, which leave room for one
constexpr Tile kSwapped{16, 64, 64, 3, 1, 4, 2};
constexpr Tile kSwappedTall{144, 64, 64, 2, 1, 4, 2};  // stored in two rounds of an odd number of groups
constexpr Tile kSwappedCooperative{32, 128, 64, 2, 1, 8, 2};

struct Run {
  KernelCase kernel;
  std::int64_t m;
  int blocks;
};

// Appends what is valid of a tile in this combination.
template <Tile kTile, Pass kPass, int kModel, int kIntermediate>
void add(std::vector<Run>& runs, std::int64_t m, int blocks) {
  constexpr KernelConfig kConfig{problem(kPass, kModel, kIntermediate, 16), Family::wgmma_sm90, kTile};
  if constexpr (why_invalid(kConfig) == nullptr) {
    runs.push_back({kernel_case<kConfig>(), m, blocks});
  }
}

// Blocks: one walks all tiles; two and three share an even or an odd number of them; or (0) each tile has one.
std::vector<Run> all_runs() {
  constexpr Pass kForward = Pass::forward;
  constexpr Pass kStore = Pass::forward_store;
  std::vector<Run> runs;
  add<kPingPong, kForward, 64, 64>(runs, 1, 0);
  add<kPingPong, kForward, 64, 64>(runs, 64, 1);
  add<kPingPong, kForward, 200, 136>(runs, 150, 1);  // 9 tiles, more stages than the ring has
  add<kPingPong, kForward, 200, 136>(runs, 150, 2);
  add<kPingPong, kForward, 200, 136>(runs, 150, 0);
  add<kPingPong, kForward, 200, 136>(runs, 60, 1);  // stages in pairs
  add<kPingPong, kForward, 200, 136>(runs, 32, 2);
  add<kPingPong, kStore, 127, 61>(runs, 129, 1);  // primes
  add<kPingPong, kStore, 127, 61>(runs, 129, 2);
  add<kPingPong, kStore, 1, 1>(runs, 1, 1);
  add<kPingPong, kForward, 8, 8>(runs, 130, 1);  // one stage a tile, three tiles
  add<kPingPongTall, kStore, 136, 72>(runs, 131, 1);
  add<kPingPongTall, kForward, 192, 128>(runs, 257, 2);
  add<kCooperative, kForward, 200, 136>(runs, 150, 1);
  add<kCooperative, kStore, 131, 67>(runs, 129, 3);
  add<kCooperative, kStore, 131, 67>(runs, 120, 1);  // in pairs, an odd number
  add<kCooperative, kForward, 8, 64>(runs, 3, 1);
  add<kSwapped, kForward, 200, 136>(runs, 1, 1);
  add<kSwapped, kStore, 127, 61>(runs, 50, 1);
  add<kSwapped, kStore, 200, 136>(runs, 33, 2);
  add<kSwapped, kForward, 1, 1>(runs, 7, 1);
  add<kSwappedTall, kStore, 72, 131>(runs, 149, 2);
  add<kSwappedTall, kForward, 64, 64>(runs, 71, 1);
  add<kSwappedCooperative, kForward, 200, 136>(runs, 50, 1);
  add<kSwappedCooperative, kStore, 100, 200>(runs, 31, 3);
  add<kPingPongNarrow, kForward, 200, 136>(runs, 70, 1);
  add<kPingPongNarrow, kStore, 72, 61>(runs, 129, 2);
  add<kPingPongMedium, kStore, 136, 72>(runs, 65, 1);
  add<kCooperativeTall, kStore, 130, 61>(runs, 200, 1);
  add<kCooperativeWide, kForward, 136, 232>(runs, 150, 2);
  add<kCooperativeWide, kStore, 72, 120>(runs, 129, 1);
  add<kWithoutProducer, kForward, 200, 232>(runs, 300, 1);  // six tiles
  add<kWithoutProducer, kForward, 200, 232>(runs, 300, 4);
  add<kWithoutProducer, kStore, 64, 120>(runs, 70, 1);  // one stage a tile, two tiles that share their rows
  add<kWithoutProducer, kForward, 200, 440>(runs, 256, 2);
  add<kWithoutProducer, kForward, 200, 300>(runs, 180, 1);  // three tiles, which do not
  return runs;
}

// Each once in turns, forwards or backwards, and once by priorities of warps; every other one with padded rows.
void check(const std::vector<Run>& runs, Fill fill) {
  int number = 0;
  for (const Run& run : runs) {
    ++number;
    const int padding = number % 2 * (number % 5 + 1);
    for (const std::uint32_t seed : {0u, static_cast<std::uint32_t>(number)}) {
      const Execution execution{run.m, padding, number % 4 < 2, fill, seed, run.blocks};
      CHECK(failure(run.kernel, execution, execute(run.kernel, execution)) == "");
    }
  }
}

TEST_CASE("wgmma_sm90: shapes, " SWIGLU_TEST_COMBINATION) {
  constexpr std::size_t kOfEveryCombination = 24;
  const std::vector<Run> runs = all_runs();
  CHECK(runs.size() >= kOfEveryCombination);
  check(runs, Fill::normal);
}

#if SWIGLU_TEST_ACCUM_IS_F32
// So long and so many tiles that blocks keep step (swiglu/lockstep.cuh): of ping-pong by tiles, cooperative ones by
// loads, which are told of and waited for twice.
TEST_CASE("wgmma_sm90: in step, " SWIGLU_TEST_COMBINATION) {
  std::vector<Run> runs;
  add<kPingPong, Pass::forward, 1020, 60>(runs, 510, 1);
  add<kPingPong, Pass::forward, 1020, 64>(runs, 1020, 2);
  add<kSwappedCooperative, Pass::forward, 1020, 128>(runs, 126, 1);
  add<kSwappedCooperative, Pass::forward, 1020, 130>(runs, 126, 3);
  CHECK(runs.size() == 4);
  check(runs, Fill::normal);
}
#endif

TEST_CASE("wgmma_sm90: special values, " SWIGLU_TEST_COMBINATION) {
  std::vector<Run> runs;
  add<kPingPong, Pass::forward_store, 96, 96>(runs, 40, 1);
  add<kSwappedCooperative, Pass::forward_store, 96, 96>(runs, 40, 1);
  CHECK(runs.size() == 2);
  check(runs, Fill::special);
}

}  // namespace
}  // namespace swiglu::emulator
