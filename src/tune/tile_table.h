// The tiles of every family: the one table that space, estimate and tests go by. Constexpr.
//
// Adding a row: it is compiled by the tests for every type, accumulator, layout and architecture it is valid for, and
// must not spill; the emulator executes it. Rows are never told apart by speed here; that is the estimate's.
#pragma once

#include <array>

#include "swiglu/config.h"

namespace swiglu {

// clang-format off
inline constexpr std::array kSimtTiles = {
    //    m    n   k  stages  warps  group
    Tile{64,  32, 32, 1,      8, 1,  8},
};

// n is 8 elements for each thread.
inline constexpr std::array kStreamingTiles = {
    //    m    n   k  stages  warps  group
    Tile{  1, 2048, 1, 1,     8, 1,  1},
};

// A block's shared memory decides where a row fits: 227 KB on sm_90 and 100, 163 KB on sm_80, 99 KB on sm_86, 89 and 120.
// A warp's part of a tile, (m / warps_m) x 2 (n / warps_n), decides the registers: 64 x 64 holds 128 f32 sums a thread, the
// most that does not spill, and is as square as it can be, since a warp reads m + 2n from shared memory for 2mn products.
inline constexpr std::array kMmaSm80Tiles = {
    //    m    n   k  stages  warps  group     shared
    Tile{128, 128, 64, 4,     2, 4,  16},  //  192 KB  large m: fewest bytes a product
    Tile{128, 128, 64, 3,     2, 4,  16},  //  144 KB  the same on sm_80
    Tile{128, 128, 32, 4,     2, 4,  16},  //   96 KB  the same on sm_86, 89 and 120
    Tile{128,  64, 64, 3,     2, 2,  16},  //   96 KB  two blocks a multiprocessor: one computes while the other stores
    Tile{128,  64, 32, 4,     2, 2,  16},  //   64 KB  two blocks on sm_80
    Tile{256,  64, 32, 4,     4, 2,   8},  //   96 KB  half the columns: fewer wasted where d_intermediate is small
    Tile{192, 128, 64, 3,     4, 2,   8},  //  168 KB  f16 sums alone: 48 x 128 a warp
    Tile{192, 128, 32, 3,     4, 2,   8},  //   84 KB  the same on sm_86, 89 and 120
    Tile{ 96, 128, 64, 4,     2, 4,  16},  //  176 KB  f16_promoted: 48 x 64 a warp
    Tile{ 96, 128, 32, 4,     2, 4,  16},  //   88 KB  the same on sm_86, 89 and 120
    Tile{ 64, 128, 64, 4,     1, 4,  16},  //  160 KB  m <= 64, by rows of 256 bytes in layout kn
    Tile{ 64, 128, 64, 4,     2, 4,  16},  //  160 KB  the same with half the registers
    Tile{ 64,  64, 64, 4,     2, 2,  16},  //   96 KB  m <= 64, or too few tiles for every multiprocessor
    Tile{ 64,  32, 64, 4,     2, 2,  16},  //   64 KB
    Tile{ 32, 128, 32, 5,     1, 4,  16},  //   90 KB  m <= 32, by rows of 256 bytes in layout kn
    Tile{ 32,  64, 64, 4,     1, 4,  16},  //   80 KB  m <= 32
    Tile{ 16, 128, 32, 5,     1, 4,  16},  //   85 KB  m <= 16, by rows of 256 bytes in layout kn
    Tile{ 16,  64, 128, 3,    1, 4,  16},  //  108 KB  m <= 16, by rows of 256 bytes in layout nk
    Tile{ 16,  64, 64, 5,     1, 4,  16},  //   90 KB  m <= 16: reading the weights is all there is
    Tile{ 16,  32, 64, 5,     1, 2,  16},  //   50 KB  the same, in blocks for more multiprocessors
};

// Of wgmma_sm90. warps 4x1: ping-pong, x is operand A; 8x1: cooperative; 1x4 and 1x8: the same with the weights as operand
// A. n is what divides d_intermediate into a number of tiles that fills all multiprocessors alike; m of swapped tiles
// likewise divides m, and is small where there are few tokens. A stage takes (m + 2n) x 128 bytes, and the more stages the
// better as long as they fit. Products of the backward pass, which are deep, like large cooperative tiles.
inline constexpr std::array kWgmmaSm90Tiles = {
    //    m    n   k  stages  warps  group
    Tile{128,  64, 64, 6,     1, 4,   8},
    Tile{128,  64, 64, 6,     4, 1,  16},
    Tile{128,  72, 64, 6,     4, 1,  16},
    Tile{128,  80, 64, 5,     4, 1,  16},
    Tile{128,  88, 64, 5,     4, 1,   8},  //  passes that read or write much besides
    Tile{128,  88, 64, 5,     4, 1,  12},
    Tile{128,  96, 64, 5,     4, 1,  16},
    Tile{128, 104, 64, 4,     4, 1,  12},
    Tile{128, 128, 64, 4,     4, 1,  16},  //  f16 sums alone
    Tile{ 64,  64, 64, 8,     4, 1,  16},  //  m <= 64
    Tile{ 64,  72, 64, 7,     4, 1,  16},
    Tile{ 64,  80, 64, 6,     4, 1,  16},
    Tile{ 64,  96, 64, 6,     4, 1,  16},
    Tile{ 64, 112, 64, 5,     4, 1,  16},
    Tile{ 64, 128, 64, 4,     4, 1,  16},
    Tile{128,  64, 64, 6,     8, 1,  16},
    Tile{128,  88, 64, 5,     8, 1,  16},
    Tile{128,  96, 64, 5,     8, 1,  16},
    Tile{128, 112, 64, 4,     8, 1,  16},
    Tile{128, 128, 64, 4,     8, 1,  16},
    Tile{256,  88, 64, 3,     8, 1,  12},
    Tile{256,  96, 64, 3,     8, 1,  12},
    Tile{256, 112, 64, 3,     8, 1,  12},  //  one or two rows of tiles
    Tile{128, 192, 64, 3,     8, 1,   8},  //  sums over tokens, halves apart
    Tile{ 16,  64, 64, 10,    1, 4,   8},  //  few tokens
    Tile{ 32,  64, 64, 9,     1, 4,   8},
    Tile{ 64,  64, 64, 8,     1, 4,   8},
    Tile{176,  64, 64, 5,     1, 4,   4},
    Tile{176,  64, 64, 5,     1, 4,   8},
    Tile{192,  64, 64, 5,     1, 4,   8},
    Tile{200,  64, 64, 4,     1, 4,  12},
    Tile{200,  64, 64, 4,     1, 4,   8},
    Tile{208,  64, 64, 4,     1, 4,   8},
    Tile{ 64, 128, 64, 5,     1, 8,   8},
    Tile{128, 128, 64, 4,     1, 8,   8},
    Tile{144, 128, 64, 3,     1, 8,  12},
    Tile{160, 128, 64, 3,     1, 8,  12},
    Tile{168, 128, 64, 3,     1, 8,   9},
    Tile{176, 128, 64, 3,     1, 8,  12},
    Tile{192, 128, 64, 3,     1, 8,  16},
    Tile{200, 128, 64, 3,     1, 8,  12},
    Tile{208, 128, 64, 3,     1, 8,  16},
};
// clang-format on

}  // namespace swiglu
