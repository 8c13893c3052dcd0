// The order in which the blocks of a launch walk the tiles of the output, for reuse in L2.
//
// Blocks that run at one time shall share operands. So a group of tiles along M, group_m of them or nearly as many, is
// walked before the next column of tiles: with about group_m^2 blocks resident they read group_m tiles of x and as many
// of the weights, instead of all of one.
//
// Of the tiles that all resident blocks take at once, neighbouring blocks, which mostly are in one GPC, take bands of 4
// rows by as many columns: what they read the L2 cache serves four of them at a time, if they keep step
// (swiglu/lockstep.cuh). Where rows are to be kept in the cache, these are bands of two rectangles, one beside the
// other: blocks are dealt out GPC by GPC, so that each half of the cache serves the columns of one.
//
// Groups and their rows are walked from the first on, or from the last (begins_with_last_rows() in swiglu/problem.h).
#pragma once

#include "swiglu/config.h"

namespace swiglu {

// First row and column of a tile, of a product with two halves of one matrix those of its first half. Rows are 64-bit:
// m has no bound.
struct TileOrigin {
  long long row;
  int column;
};

// Of a group, from its first row on.
struct TilePlace {
  unsigned row;
  unsigned column;
};

// Of a rectangle of kHeight rows and so many columns from first_column on.
template <KernelConfig C>
__device__ __forceinline__ TilePlace place_in_rectangle(unsigned tile, unsigned first_column, unsigned columns) {
  constexpr auto kHeight = static_cast<unsigned>(group_rows(C));
  constexpr unsigned kLastBand = kHeight % kBand == 0 ? kBand : kHeight % kBand;  // rows of it
  const unsigned band = tile / (kBand * columns);
  const unsigned in_band = tile - band * kBand * columns;
  if (kLastBand != kBand && band == kHeight / kBand) {
    return {band * kBand + in_band % kLastBand, first_column + in_band / kLastBand};
  }
  return {band * kBand + in_band % kBand, first_column + in_band / kBand};
}

template <KernelConfig C>
__device__ __forceinline__ TilePlace place_in_bands(unsigned tile, unsigned blocks) {
  constexpr auto kHeight = static_cast<unsigned>(group_rows(C));
  constexpr auto kColumns = static_cast<unsigned>(tiles_n(C));
  const unsigned width = blocks / kHeight;  // columns of a wave
  const unsigned wave = tile / (kHeight * width);
  const unsigned within = tile - wave * kHeight * width;
  const unsigned first_column = wave * width;
  const unsigned left = kColumns - first_column;
  const unsigned columns = left < width ? left : width;
  if constexpr (keeps_rows_in_cache(C)) {
    const unsigned of_first = (columns + 1) / 2;
    return within < kHeight * of_first
               ? place_in_rectangle<C>(within, first_column, of_first)
               : place_in_rectangle<C>(within - kHeight * of_first, first_column + of_first, columns - of_first);
  }
  return place_in_rectangle<C>(within, first_column, columns);
}

// `blocks`: that walk the tiles, if they are walked.
template <KernelConfig C>
__device__ __forceinline__ TileOrigin tile_origin(unsigned tile, long long m, unsigned blocks) {
  constexpr auto kHeight = static_cast<unsigned>(group_rows(C));
  constexpr unsigned kGroupTiles = kHeight * static_cast<unsigned>(tiles_n(C));
  const unsigned rows_of_tiles = static_cast<unsigned>(tiles_m(C, m));  // fits: the number of tiles does
  const unsigned group = tile / kGroupTiles;
  const unsigned within = tile - group * kGroupTiles;
  const unsigned first = group * kHeight;
  const unsigned left = rows_of_tiles - first;
  const unsigned height = left < kHeight ? left : kHeight;
  const unsigned column = within / height;
  TilePlace place{within - column * height, column};
  if (left >= kHeight && walks_bands(C, blocks)) {
    place = place_in_bands<C>(within, blocks);
  }
  const unsigned row = first + place.row;
  return {first_row(C, begins_with_last_rows(C.problem.pass) ? rows_of_tiles - 1 - row : row, m),
          static_cast<int>(place.column) * tile_columns(C)};
}

}  // namespace swiglu
