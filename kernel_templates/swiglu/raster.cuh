// The order in which the blocks of a launch walk the tiles of the output, for reuse in L2.
//
// Blocks that run at one time shall share operands. So group_m tiles along M are walked before the next column of
// tiles: with about group_m^2 blocks resident they read group_m tiles of x and as many of the weights, instead of all
// of one.
//
// Of the tiles that all resident blocks take at once, neighbouring blocks, which mostly are in one GPC, take bands of 4
// rows by as many columns: what they read the L2 cache serves four of them at a time, if they keep step
// (swiglu/lockstep.cuh).
#pragma once

#include "swiglu/config.h"

namespace swiglu {

// First row and column of a tile, of a product with two halves of one matrix those of its first half. Rows are 64-bit:
// m has no bound.
struct TileOrigin {
  long long row;
  int column;
};

template <KernelConfig C>
__device__ __forceinline__ TileOrigin tile_origin(unsigned tile, long long m) {
  constexpr unsigned kGroupTiles = static_cast<unsigned>(C.tile.group_m) * static_cast<unsigned>(tiles_n(C));
  const unsigned rows_of_tiles = static_cast<unsigned>(tiles_m(C, m));  // fits: the number of tiles does
  const unsigned group = tile / kGroupTiles;
  const unsigned within = tile - group * kGroupTiles;
  const unsigned first = group * static_cast<unsigned>(C.tile.group_m);
  const unsigned left = rows_of_tiles - first;
  const unsigned height = left < static_cast<unsigned>(C.tile.group_m) ? left : static_cast<unsigned>(C.tile.group_m);
  const unsigned width = columns_in_bands(C, height, gridDim.x);
  const unsigned chunk = within / (width * height);
  const unsigned in_chunk = within - chunk * width * height;
  const unsigned columns_left = static_cast<unsigned>(tiles_n(C)) - chunk * width;
  const unsigned columns = columns_left < width ? columns_left : width;
  const unsigned band = in_chunk / (kBand * columns);
  const unsigned in_band = in_chunk - band * kBand * columns;
  const unsigned column = chunk * width + in_band / kBand;
  const unsigned row = first + band * kBand + in_band % kBand;
  return {first_row(C, row, m), static_cast<int>(column) * tile_columns(C)};
}

}  // namespace swiglu
