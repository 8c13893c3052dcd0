// The order in which blocks walk tiles (swiglu/raster.cuh): every tile once, by however many blocks, and in bands where
// the resident blocks fill a rectangle.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "swiglu/raster.cuh"

namespace swiglu {
namespace {

constexpr Problem kProblem = {DType::bf16, Accum::f32, Layout::nk, Pass::forward, 2048, 6144, 16};
constexpr KernelConfig kTwelve = {kProblem, Family::wgmma_sm90, {200, 64, 64, 4, 1, 4, 12}};
constexpr Problem kDeepProblem = {DType::bf16, Accum::f32, Layout::nk, Pass::forward, 4096, 12288, 16};
constexpr KernelConfig kDeep = {kDeepProblem, Family::wgmma_sm90, {200, 128, 64, 3, 1, 8, 12}};
constexpr KernelConfig kEight = {kProblem, Family::wgmma_sm90, {128, 88, 64, 5, 4, 1, 8}};
constexpr Problem kDxProblem = {DType::bf16, Accum::f32, Layout::nk, Pass::dx, 2048, 6144, 16};
constexpr KernelConfig kDx = {kDxProblem, Family::wgmma_sm90, {128, 128, 64, 4, 8, 1, 16}};
constexpr Problem kDwProblem = {DType::bf16, Accum::f32, Layout::nk, Pass::dw, 2048, 6144, 16};
constexpr KernelConfig kDw = {kDwProblem, Family::wgmma_sm90, {192, 128, 64, 3, 1, 8, 16}};  // 11 rows of tiles
constexpr Problem kTallDwProblem = {DType::bf16, Accum::f32, Layout::nk, Pass::dw, 4096, 6144, 16};
constexpr KernelConfig kTallDw = {kTallDwProblem, Family::wgmma_sm90, {192, 128, 64, 3, 1, 8, 16}};  // 22
constexpr KernelConfig kPlain = {kProblem, Family::mma_sm80, {128, 128, 64, 4, 2, 4, 12}};

using Place = std::pair<long long, int>;

template <KernelConfig C>
Place place_of(unsigned tile, long long m, unsigned blocks = 132) {
  const TileOrigin origin = tile_origin<C>(tile, m, blocks);
  return {origin.row, origin.column};
}

template <KernelConfig C>
void check_once(unsigned blocks, long long m) {
  CAPTURE(blocks);
  CAPTURE(m);
  std::set<Place> places;
  for (unsigned tile = 0; tile < tiles(C, m); ++tile) {
    const auto [row, column] = place_of<C>(tile, m, blocks);
    CHECK(row >= 0);
    CHECK(row < extent(C.problem, product(C.problem).rows, m));
    CHECK(column >= 0);
    CHECK(column < product_columns(C.problem));
    places.insert({row, column});
  }
  CHECK(places.size() == static_cast<std::size_t>(tiles(C, m)));
}

TEST_CASE("raster: every tile once, by any number of blocks") {
  for (const unsigned blocks : {132u, 131u, 114u, 24u, 12u, 7u, 1u}) {
    for (const long long m : {8192, 2400, 2399, 1000, 200, 1}) {
      check_once<kTwelve>(blocks, m);
      check_once<kDeep>(blocks, m);
      check_once<kEight>(blocks, m);
      check_once<kPlain>(blocks, m);
      check_once<kDx>(blocks, m);
      check_once<kDw>(blocks, m);
      check_once<kTallDw>(blocks, m);
    }
  }
}

// Rows and columns among 16 tiles from `first` on, that neighbouring blocks take at once.
template <KernelConfig C>
std::pair<std::size_t, std::size_t> extent_of_sixteen(unsigned first) {
  std::set<long long> rows;
  std::set<int> columns;
  for (unsigned tile = first; tile < first + 16; ++tile) {
    rows.insert(place_of<C>(tile, 8192).first);
    columns.insert(place_of<C>(tile, 8192).second);
  }
  return {rows.size(), columns.size()};
}

TEST_CASE("raster: neighbours take bands of four rows where blocks fill a group's height, or nearly, else a column") {
  for (const unsigned first : {0u, 16u, 44u, 88u, 132u, 264u}) {
    CAPTURE(first);
    CHECK(extent_of_sixteen<kTwelve>(first) == std::pair<std::size_t, std::size_t>(4, 4));
  }
  for (const unsigned first : {0u, 16u, 32u, 96u, 128u}) {  // rectangles of 16 rows and all 8 columns
    CAPTURE(first);
    CHECK(extent_of_sixteen<kDx>(first) == std::pair<std::size_t, std::size_t>(4, 4));
  }
  for (const unsigned first : {0u, 16u, 48u, 132u, 180u}) {  // of 11 rows, in bands of 4, 4 and 3, and 12 columns
    CAPTURE(first);
    CHECK(extent_of_sixteen<kDw>(first) == std::pair<std::size_t, std::size_t>(4, 4));
    CHECK(extent_of_sixteen<kTallDw>(first) == std::pair<std::size_t, std::size_t>(4, 4));
  }
  CHECK(extent_of_sixteen<kDw>(96) == std::pair<std::size_t, std::size_t>(3, 6));
  CHECK(extent_of_sixteen<kEight>(0) == std::pair<std::size_t, std::size_t>(8, 2));
  CHECK(extent_of_sixteen<kPlain>(0) == std::pair<std::size_t, std::size_t>(12, 2));
}

TEST_CASE("raster: where rows are kept in the cache, each half of the blocks has columns of its own, in bands") {
  static_assert(keeps_rows_in_cache(kDeep) && !keeps_rows_in_cache(kTwelve));
  for (const unsigned wave : {0u, 132u, 264u}) {  // of 12 rows and 11 columns, six and five
    CAPTURE(wave);
    std::set<int> columns[2];
    for (unsigned tile = wave; tile < wave + 132; ++tile) {
      columns[tile < wave + 72 ? 0 : 1].insert(place_of<kDeep>(tile, 8192).second);
    }
    CHECK(columns[0].size() == 6);
    CHECK(columns[1].size() == 5);
    CHECK(*columns[0].rbegin() < *columns[1].begin());
  }
  for (const unsigned first : {0u, 24u, 72u, 92u, 132u}) {
    CAPTURE(first);
    CHECK(extent_of_sixteen<kDeep>(first) == std::pair<std::size_t, std::size_t>(4, 4));
  }
}

TEST_CASE("raster: rows of tiles are walked upwards where what is stored before, or read next, is best so") {
  constexpr Problem kStoring = {DType::bf16, Accum::f32, Layout::nk, Pass::forward_store, 2048, 6144, 16};
  constexpr KernelConfig kStore = {kStoring, Family::wgmma_sm90, {200, 64, 64, 4, 1, 4, 12}};
  for (const long long m : {8192, 2399, 150}) {
    CAPTURE(m);
    const auto last_tile = [&](const KernelConfig& config) { return static_cast<unsigned>(tiles(config, m)) - 1; };
    CHECK(place_of<kTwelve>(0, m).first == 0);
    CHECK(place_of<kStore>(0, m).first == std::max(m - 200, 0LL));
    CHECK(place_of<kStore>(last_tile(kStore), m).first == 0);
    CHECK(place_of<kDx>(0, m).first == std::max(m - 128, 0LL));
    CHECK(place_of<kDx>(last_tile(kDx), m).first == 0);
  }
}

}  // namespace
}  // namespace swiglu
