// Every tile of the table for one problem with edges on all sides: right values, bit for bit the same from tile to
// tile, and no more work, traffic or bank conflicts than the design says. Compiled once for each combination.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "checks/twice.h"
#include "kernels/cases.h"
#include "kernels/combination.h"
#include "swiglu/validity.h"
#include "tune/tile_table.h"

namespace swiglu::emulator {
namespace {

// Neither a multiple of any tile's n or k, yet of whole 16-byte chunks.
constexpr Problem kProblem = problem(Pass::forward, 200, 136, 16);
constexpr std::int64_t kM = 150;

template <Family F, const auto& kTiles, std::size_t... kIndices>
std::vector<KernelCase> valid_cases(std::index_sequence<kIndices...>) {
  std::vector<KernelCase> cases;
  const auto add = [&]<KernelConfig C>() {
    if constexpr (why_invalid(C) == nullptr) {
      cases.push_back(kernel_case<C>());
    }
  };
  (add.template operator()<KernelConfig{kProblem, F, kTiles[kIndices]}>(), ...);
  return cases;
}

template <Family F, const auto& kTiles>
std::vector<KernelCase> valid_cases() {
  return valid_cases<F, kTiles>(std::make_index_sequence<std::size(kTiles)>());
}

// mma operations, 8x8 matrices read and bytes copied are exactly what the tiling needs, without a bank conflict.
void check_work(const KernelConfig& config, const Counters& counters) {
  const Tile& tile = config.tile;
  const auto blocks = static_cast<std::uint64_t>(tiles(config, kM));
  const auto steps = static_cast<std::uint64_t>(ceil_div(kProblem.d_model, tile.k) * (tile.k / 16));
  const auto mma_m = static_cast<std::uint64_t>(tile.m / 16);
  const auto mma_n = static_cast<std::uint64_t>(tile.n / 8);
  CHECK(counters.mma == blocks * steps * mma_m * mma_n * 2);

  // Four matrices are the x of an m16k16, read once for gate and up by each warp along n; two the weight of a k16n8, by
  // each warp along m. One step more than multiplied: the last one fetched is not used.
  const std::uint64_t x_matrices = mma_m * 4 * static_cast<std::uint64_t>(tile.warps_n);
  const std::uint64_t weight_matrices = 2 * mma_n * 2 * static_cast<std::uint64_t>(tile.warps_m);
  CHECK(counters.ldmatrix <= blocks * (steps + 1) * (x_matrices + weight_matrices));

  // Each block reads its rows of x and its columns of both weights once, and nothing beyond the edges.
  const auto row_bytes = static_cast<std::uint64_t>(kProblem.d_model * kElementBytes);
  CHECK(counters.copied_bytes ==
        static_cast<std::uint64_t>(tiles_n(config)) * kM * row_bytes +
            static_cast<std::uint64_t>(tiles_m(config, kM)) * 2 * kProblem.d_intermediate * row_bytes);
  CHECK(counters.ldmatrix_banks.conflicts == 0);
  CHECK(counters.copy_banks.conflicts == 0);
  // A phase of 128 bytes reads two staged rows of an n = 32 tile, whose 80 bytes overlap in one chunk of the banks.
  CHECK(counters.shared_load_banks.conflicts <= (tile.n == 32 ? counters.shared_load_banks.phases : 0));
  CHECK(counters.shared_store_banks.conflicts == 0);
}

// wgmma instructions, boxes and bytes are exactly what the tiling needs.
void check_wgmma_work(const KernelConfig& config, const Counters& counters) {
  const Tile& tile = config.tile;
  const auto tile_count = static_cast<std::uint64_t>(tiles(config, kM));
  const auto stages = static_cast<std::uint64_t>(ceil_div(kProblem.d_model, tile.k));
  const auto blocks = static_cast<std::uint64_t>(instructions_of_a_step(config));
  CHECK(counters.wgmma == tile_count * stages * static_cast<std::uint64_t>(tile.k / 16) * blocks);

  const Product of = product(config.problem);
  const int of_a = most_cluster_blocks(config) * boxes(of.a, tile.m);
  const auto operand_boxes = static_cast<std::uint64_t>(of_a + 2 * boxes(of.b, stored_columns(config)));
  CHECK(counters.tma_loads == tile_count * stages * operand_boxes);
  const auto row_bytes = static_cast<std::uint64_t>(kProblem.d_model * kElementBytes);
  const auto rows = static_cast<std::uint64_t>(kM + rows_written_twice(config, kM).count());
  std::uint64_t columns = 0;  // of either weight, some of them by two tiles
  for (int column = 0; column < kProblem.d_intermediate; column += tile.n) {
    columns += static_cast<std::uint64_t>(std::min(stored_columns(config), kProblem.d_intermediate - column));
  }
  CHECK(counters.tma_loaded_bytes == static_cast<std::uint64_t>(tiles_n(config)) * rows * row_bytes +
                                         static_cast<std::uint64_t>(tiles_m(config, kM)) * 2 * columns * row_bytes);

  const Box box = output_box(config);
  const auto output_boxes = static_cast<std::uint64_t>(tile.m / box.rows * (tile.n / box.columns));
  CHECK(counters.tma_stores == tile_count * output_boxes);
  CHECK(counters.tma_stored_bytes == rows * kProblem.d_intermediate * kElementBytes);
  CHECK(counters.stmatrix == tile_count * static_cast<std::uint64_t>(tile.m / 8 * (tile.n / 8)));
  // Unswizzled rows of an even number of chunks meet on the banks in pairs.
  const bool pairs = box.swizzle_bytes == 0 && box.columns / (kChunkBytes / kElementBytes) % 2 == 0;
  CHECK(counters.stmatrix_banks.conflicts == (pairs ? counters.stmatrix : 0));
  CHECK(counters.copies == 0);
}

void check_tiles(const std::vector<KernelCase>& cases) {
  std::vector<std::uint16_t> first;
  int number = 0;
  REQUIRE_FALSE(cases.empty());
  for (const KernelCase& kernel : cases) {
    const bool persistent = kernel.config.family == Family::wgmma_sm90;
    Execution execution{kM, 1};
    if (persistent) {
      execution.blocks = 1 + number % 3;
      execution.seed = static_cast<std::uint32_t>(number++);
    }
    const Outcome outcome = execute(kernel, execution);
    INFO(print(kernel.config));
    CHECK(failure(kernel, execution, outcome) == "");
    if (first.empty()) {
      first = outcome.out;
    }
    CHECK(outcome.out == first);
    if (kernel.config.family == Family::mma_sm80) {
      check_work(kernel.config, outcome.counters);
    } else if (persistent) {
      check_wgmma_work(kernel.config, outcome.counters);
    }
  }
}

TEST_CASE("simt: tiles, " SWIGLU_TEST_COMBINATION) { check_tiles(valid_cases<Family::simt, kSimtTiles>()); }
TEST_CASE("mma_sm80: tiles, " SWIGLU_TEST_COMBINATION) { check_tiles(valid_cases<Family::mma_sm80, kMmaSm80Tiles>()); }
TEST_CASE("wgmma_sm90: tiles, " SWIGLU_TEST_COMBINATION) {
  check_tiles(valid_cases<Family::wgmma_sm90, kWgmmaSm90Tiles>());
}

}  // namespace
}  // namespace swiglu::emulator
