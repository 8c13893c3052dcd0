// What the blocks of a launch compute, by its configuration and m: the tiles of the output and the order in which they
// are taken, the blocks that walk them; what is computed element by element, or copied; and the counters by which
// blocks tell each other of gradients that are computed ahead.
//
// Shared by the host and by every kernel template, as swiglu/config.h. Everything is constexpr and without state.
#pragma once

#include "swiglu/tile.h"

namespace swiglu {

inline constexpr int kSplitTokens = 128;  // a part of split tokens is a multiple: whole stages of every tile

// Columns of a product, of one matrix or of both, that a tile covers.
SWIGLU_HD constexpr int tile_columns(const KernelConfig& config) {
  return product(config.problem).halves == Halves::columns ? 2 * config.tile.n : config.tile.n;
}

SWIGLU_HD constexpr long long tiles_m(const KernelConfig& config, long long m) {
  return ceil_div(extent(config.problem, product(config.problem).rows, m), config.tile.m);
}

// Rows of tiles that a group of the raster has (swiglu/raster.cuh); of sums over tokens, whose rows are known, so many
// that all groups have nearly as many.
SWIGLU_HD constexpr int group_rows(const KernelConfig& config) {
  if (config.family != Family::wgmma_sm90 || !is_dw(config.problem.pass)) {
    return config.tile.group_m;
  }
  const long long rows = tiles_m(config, 0);
  return static_cast<int>(ceil_div(rows, ceil_div(rows, config.tile.group_m)));
}

// Whether `blocks` resident blocks take a rectangle of a whole group's height at once, or nearly so in the deep
// products of the backward pass, which they do in bands of so many rows of tiles (swiglu/raster.cuh).
inline constexpr unsigned kBand = 4;
SWIGLU_HD constexpr bool walks_bands(const KernelConfig& config, unsigned blocks) {
  const auto height = static_cast<unsigned>(group_rows(config));
  const Pass pass = config.problem.pass;
  const bool nearly = (is_dx(pass) || is_dw(pass)) && blocks >= height;
  return config.family == Family::wgmma_sm90 && height > kBand && (nearly || blocks % height == 0);
}

// wgmma_sm90: whether what all blocks read for their tiles, of about as many rows of tiles as columns, is more than a
// half of the L2 cache holds (each half keeps what its own multiprocessors read). Of the forward pass, whose next
// columns of tiles are of the same rows: these stay if the weights leave first, and if each half of the multiprocessors
// has columns of its own (docs/measurements.md).
inline constexpr long long kHalfCacheBytes = 25LL << 20;  // of an H100 and of an H200
SWIGLU_HD constexpr bool keeps_rows_in_cache(const KernelConfig& config) {
  const long long at_once = static_cast<long long>(group_rows(config)) * (config.tile.m + 2 * config.tile.n);
  return config.family == Family::wgmma_sm90 && is_forward(config.problem.pass) &&
         at_once * config.problem.d_model * kElementBytes > kHalfCacheBytes;
}

// Whether the last row of tiles begins so early that it is full; its first rows are computed twice, to the same bits.
// Blocks with few rows to load would run ahead of the others, and what is read at different times is read more than
// once (docs/measurements.md). Not where a result is added to what is there.
SWIGLU_HD constexpr bool has_full_last_row(const KernelConfig& config) {
  return config.family == Family::wgmma_sm90 && !is_dw(config.problem.pass);
}

// Of A, of one of tiles_m rows of tiles.
SWIGLU_HD constexpr long long first_row(const KernelConfig& config, long long row_of_tiles, long long m) {
  const long long first = row_of_tiles * config.tile.m;
  const long long latest = m - config.tile.m;
  return has_full_last_row(config) && row_of_tiles > 0 && first > latest ? latest : first;
}

// wgmma_sm90: whether two stages at a time are asked for, and no more of memory than that. It is faster where weights
// are read once, by one row of tiles, which takes longer than computing it; and slower for very few tokens
// (docs/measurements.md).
SWIGLU_HD constexpr bool loads_in_pairs(const KernelConfig& config, long long m) {
  constexpr int kFewest = 32;  // tokens
  const int most_rows = config.problem.accum == Accum::f16_promoted ? 64 : 128;
  return !is_dw(config.problem.pass) && config.tile.stages > 2 && config.tile.m <= most_rows && m >= kFewest &&
         tiles_m(config, m) == 1;
}

SWIGLU_HD constexpr int tiles_n(const KernelConfig& config) {
  return static_cast<int>(ceil_div(product_columns(config.problem), tile_columns(config)));
}

// wgmma_sm90: blocks of a cluster in a launch, each of which loads a part of A for all of them. They multiply the same
// where there is one row of tiles, and by as many stages where all have a tile or none. Else each is on its own.
SWIGLU_HD constexpr int cluster_blocks(const KernelConfig& config, long long m) {
  const int blocks = most_cluster_blocks(config);
  return tiles_m(config, m) == 1 && tiles_n(config) % blocks == 0 ? blocks : 1;
}

// wgmma_sm90: blocks that walk so many tiles, one to a multiprocessor; beside dg and du as few as take no longer, for
// one that begins a group early would wait for all of it.
SWIGLU_HD constexpr long long walking_blocks(const KernelConfig& config, long long tiles, int multiprocessors) {
  const long long most = tiles < multiprocessors ? tiles : multiprocessors;
  return has_gradients_ahead(config.problem.pass) ? ceil_div(tiles, ceil_div(tiles, most)) : most;
}

// wgmma_sm90: those of a launch, whole clusters of so many. On multiprocessors that have no tiles dg and du are
// computed all the same.
SWIGLU_HD constexpr long long resident_blocks(const KernelConfig& config, long long tiles, int multiprocessors,
                                              int cluster = 1) {
  const long long blocks =
      has_gradients_ahead(config.problem.pass) ? multiprocessors : walking_blocks(config, tiles, multiprocessors);
  return blocks - blocks % cluster;
}

// Rows of tiles that so many blocks take at once.
SWIGLU_HD constexpr int rows_at_once(const KernelConfig& config, long long blocks) {
  const int height = group_rows(config);
  return height * static_cast<int>(ceil_div(blocks, static_cast<long long>(height) * tiles_n(config)));
}

// Elements from row to row of dg and du in the caller's workspace.
SWIGLU_HD constexpr long long gradient_pitch(const Problem& problem) {
  constexpr int kUnit = kChunkBytes / kElementBytes;
  return ceil_div(problem.d_intermediate, kUnit) * kUnit;
}

// Gradients ahead: columns by which dg and du are computed; and the bytes of the counters, whatever the tile
// (BackwardParams::progress).
SWIGLU_HD constexpr int sections(const Problem& problem) {
  return static_cast<int>(ceil_div(problem.d_intermediate, kSectionColumns));
}
inline constexpr int kFewestCountedRows = 64;  // of a tile
inline constexpr int kCounterBytes = 4;
inline constexpr int kDrawnBytes = 128;  // of the first, a line of the L2 cache: many look at those after it
SWIGLU_HD constexpr long long progress_bytes(const Problem& problem, long long m) {
  return m == 0 ? 0 : kDrawnBytes + kCounterBytes * ceil_div(m, kFewestCountedRows) * sections(problem);
}

// What clears them before the kernel: so many blocks of kClearThreads, each as many counters.
inline constexpr int kClearThreads = 1024;
SWIGLU_HD constexpr long long clear_blocks(const Problem& problem, long long m) {
  return ceil_div(progress_bytes(problem, m), kCounterBytes * kClearThreads);
}

// streaming: chunks of kStreamedElements in a row of what the pass walks, [m, d_intermediate] or both weight gradients.
SWIGLU_HD constexpr int streamed_row_chunks(const Problem& problem) {
  const int columns = problem.pass == Pass::dgate ? problem.d_intermediate : weight_columns(problem);
  return static_cast<int>(ceil_div(columns, kStreamedElements));
}
SWIGLU_HD constexpr long long streamed_rows(const Problem& problem, long long m) {
  return problem.pass == Pass::dgate ? m : 2LL * weight_rows(problem);
}

// pad and unpad: the matrices that may be copied, in the order of CopyParams (swiglu/params.h), and the blocks that
// copy so many rows of one.
inline constexpr int kCopied = 3;
SWIGLU_HD constexpr int copied_columns(const Problem& problem, int matrix) {
  return problem.pass == Pass::unpad ? problem.d_intermediate : matrix == 0 ? problem.d_model : weight_columns(problem);
}
SWIGLU_HD constexpr long long copied_rows(const Problem& problem, int matrix, long long m) {
  return problem.pass == Pass::unpad || matrix == 0 ? m : weight_rows(problem);
}
SWIGLU_HD constexpr long long copied_blocks(const KernelConfig& config, int matrix, long long rows) {
  const long long row_chunks = ceil_div(copied_columns(config.problem, matrix), kStreamedElements);
  return ceil_div(rows * row_chunks, config.tile.n / kStreamedElements);
}

// Tiles of the output. Each is a block of the one-dimensional grid, but for wgmma_sm90, whose blocks, one to a
// multiprocessor, walk them; dw and dw_single have as many for each split of the tokens. pad and unpad have no more
// than this: those of the matrices that are copied.
SWIGLU_HD constexpr long long tiles(const KernelConfig& config, long long m) {
  const Problem& problem = config.problem;
  if (is_copy(problem.pass)) {
    long long blocks = 0;
    for (int matrix = 0; matrix < kCopied; ++matrix) {
      blocks += copied_blocks(config, matrix, copied_rows(problem, matrix, m));
    }
    return blocks;
  }
  if (config.family == Family::streaming) {
    const int chunks = config.tile.n / kStreamedElements;  // of a block
    return ceil_div(streamed_rows(problem, m) * streamed_row_chunks(problem), chunks);
  }
  return tiles_m(config, m) * tiles_n(config);
}

}  // namespace swiglu
