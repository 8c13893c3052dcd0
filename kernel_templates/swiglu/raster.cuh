// The order in which the blocks of a launch walk the tiles of the output, for reuse in L2.
//
// Blocks that run at one time shall share operands. So group_m tiles along M are walked before the next column of
// tiles: with about group_m^2 blocks resident they read group_m tiles of x and as many of the weights, instead of all
// of one.
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
  const unsigned column = within / height;
  const unsigned row = first + (within - column * height);
  return {first_row(C, row, m), static_cast<int>(column) * tile_columns(C)};
}

}  // namespace swiglu
