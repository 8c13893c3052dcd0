// Every tile of the table in the passes of the backward pass, for one problem with edges on all sides: right values,
// and no more work or bank conflicts than the design says. Compiled once for each combination.
#include <doctest/doctest.h>

#include <vector>

#include "kernels/backward_cases.h"
#include "kernels/combination.h"
#include "swiglu/validity.h"
#include "tune/tile_table.h"

namespace swiglu::emulator {
namespace {

// Neither a multiple of any tile's n or k, yet of whole 16-byte chunks.
constexpr int kModel = 136;
constexpr int kIntermediate = 200;
constexpr std::int64_t kM = 150;

constexpr Problem problem_of(Pass pass) {
  Problem of = problem(pass, kModel, kIntermediate, 16);
  if (is_dw(pass)) {
    of.accum = Accum::f32;
  }
  return of;
}

template <Pass kPass, Family F, const auto& kTiles, std::size_t... kIndices>
std::vector<BackwardCase> valid_cases(std::index_sequence<kIndices...>) {
  std::vector<BackwardCase> cases;
  const auto add = [&]<KernelConfig C>() {
    if constexpr (why_invalid(C) == nullptr) {
      cases.push_back(backward_case<C>());
    }
  };
  (add.template operator()<KernelConfig{problem_of(kPass), F, kTiles[kIndices]}>(), ...);
  return cases;
}

void check_work(const KernelConfig& config, const Counters& counters) {
  const Tile& tile = config.tile;
  const Product of = product(config.problem);
  const auto blocks = static_cast<std::uint64_t>(tiles(config, kM));
  const auto stages = static_cast<std::uint64_t>(of.segments * ceil_div(extent(config.problem, of.depth, kM), tile.k));
  const auto mma = static_cast<std::uint64_t>(tile.m / 16 * (tile.n / 8) * 2 * (tile.k / 16));
  CHECK(counters.mma == blocks * stages * mma);
  CHECK(counters.ldmatrix_banks.conflicts == 0);
  CHECK(counters.copy_banks.conflicts == 0);
  // A phase of 128 bytes reads several staged rows of tiles as narrow as 32 columns, which overlap in some banks.
  const int columns = of.transposed ? tile.m : tile.n;
  if (columns >= 64) {
    CHECK(counters.shared_load_banks.conflicts == 0);
    CHECK(counters.shared_store_banks.conflicts == 0);
  }
}

// wgmma instructions, boxes and bytes are exactly what the tiling needs.
void check_wgmma_work(const KernelConfig& config, const Counters& counters) {
  const Tile& tile = config.tile;
  const Product of = product(config.problem);
  const auto count = static_cast<std::uint64_t>(tiles(config, kM));
  const auto stages =
      count * static_cast<std::uint64_t>(of.segments * ceil_div(extent(config.problem, of.depth, kM), tile.k));
  const auto blocks = static_cast<std::uint64_t>(instructions_of_a_step(config));
  CHECK(counters.wgmma == stages * static_cast<std::uint64_t>(tile.k / 16) * blocks);

  const Box output = output_box(config);
  const auto half_boxes = count * static_cast<std::uint64_t>(tile.m * tile.n / (output.rows * output.columns));
  const auto operand_boxes = static_cast<std::uint64_t>(boxes(of.a, tile.m) + 2 * boxes(of.b, tile.n));
  const bool recompute = config.problem.pass == Pass::recompute;  // reads dout
  CHECK(counters.tma_loads == stages * operand_boxes + (recompute ? half_boxes : 0));
  CHECK(counters.tma_stores == 2 * half_boxes);
  const bool pairs = output.swizzle_bytes == 0 && output.columns / (kChunkBytes / kElementBytes) % 2 == 0;
  CHECK(counters.stmatrix_banks.conflicts == (pairs ? counters.stmatrix : 0));
  if (!pairs) {
    CHECK(counters.ldmatrix_banks.conflicts == 0);
  }
  CHECK(counters.copies == 0);
}

template <Pass kPass, Family F, const auto& kTiles>
void check_tiles() {
  const std::vector<BackwardCase> cases = valid_cases<kPass, F, kTiles>(std::make_index_sequence<std::size(kTiles)>());
  REQUIRE_FALSE(cases.empty());
  int number = 0;
  for (const BackwardCase& kernel : cases) {
    BackwardExecution execution{.m = kM, .padding = 1};
    if (F == Family::wgmma_sm90) {
      execution.blocks = 1 + number % 3;
      execution.seed = static_cast<std::uint32_t>(number++);
    }
    const BackwardOutcome outcome = execute(kernel, execution);
    INFO(print(kernel.config));
    CHECK(failure(kernel, execution, outcome) == "");
    if (F == Family::wgmma_sm90) {
      check_wgmma_work(kernel.config, outcome.counters);
    } else {
      check_work(kernel.config, outcome.counters);
    }
  }
}
template <Pass kPass>
void check_mma() {
  check_tiles<kPass, Family::mma_sm80, kMmaSm80Tiles>();
}
template <Pass kPass>
void check_wgmma() {
  check_tiles<kPass, Family::wgmma_sm90, kWgmmaSm90Tiles>();
}

TEST_CASE("mma_sm80: tiles of dx, " SWIGLU_TEST_COMBINATION) { check_mma<Pass::dx>(); }
TEST_CASE("mma_sm80: tiles of recompute, " SWIGLU_TEST_COMBINATION) { check_mma<Pass::recompute>(); }
TEST_CASE("wgmma_sm90: tiles of dx, " SWIGLU_TEST_COMBINATION) { check_wgmma<Pass::dx>(); }
TEST_CASE("wgmma_sm90: tiles of recompute, " SWIGLU_TEST_COMBINATION) { check_wgmma<Pass::recompute>(); }
#if SWIGLU_TEST_ACCUM_IS_F32
TEST_CASE("mma_sm80: tiles of dw, " SWIGLU_TEST_COMBINATION) { check_mma<Pass::dw>(); }
TEST_CASE("mma_sm80: tiles of dw_single, " SWIGLU_TEST_COMBINATION) { check_mma<Pass::dw_single>(); }
TEST_CASE("wgmma_sm90: tiles of dw, " SWIGLU_TEST_COMBINATION) { check_wgmma<Pass::dw>(); }
TEST_CASE("wgmma_sm90: tiles of dw_single, " SWIGLU_TEST_COMBINATION) { check_wgmma<Pass::dw_single>(); }
#endif

}  // namespace
}  // namespace swiglu::emulator
