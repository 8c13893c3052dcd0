// The vocabulary of the library: a problem (swiglu/problem.h), a tile, the kernel configuration made of them, and what
// follows from one: threads, shared memory, grid. Whether it is valid at all: swiglu/validity.h.
//
// Shared by the host (space, estimate, stores, launch) and by every kernel template, so that a byte count or a rule
// about tiles exists once. Read by g++, clang, nvcc and NVRTC alike. Everything is constexpr and without state.
#pragma once

#include "swiglu/problem.h"

namespace swiglu {

// One CTA computes m rows by n columns of either half of a product (below): of `out`, hence n columns of gate AND n of
// up. Family streaming: n elements, and m, k, stages and group_m are 1.
struct Tile {
  int m;
  int n;
  int k;        // depth of one pipeline stage
  int stages;   // stages in shared memory
  int warps_m;  // warps along m and n that compute it: each (m / warps_m) x (n / warps_n) of both halves
  int warps_n;
  int group_m;  // M-tiles walked before the next column of tiles, for L2 reuse

  bool operator==(const Tile&) const = default;
};

struct KernelConfig {
  Problem problem;
  Family family;
  Tile tile;

  bool operator==(const KernelConfig&) const = default;
};

// ---- What follows from a configuration. Only why_invalid() may be asked about one that is not known to be valid. ----

inline constexpr int kWarpThreads = 32;
inline constexpr int kChunkBytes = 16;    // shared memory is swizzled and read in chunks of 8 elements
inline constexpr int kSimtThreadsM = 16;  // simt: 16 x 16 threads, each (m / 16) x (n / 16) of both halves
inline constexpr int kSimtThreadsN = 16;
inline constexpr int kSimtPad = 2;  // elements after each row of a simt tile, against bank conflicts
inline constexpr int kStagingPad = kChunkBytes / kElementBytes;  // elements after each row of a staged output tile
inline constexpr int kOtherRegisters = 56;  // of a thread: addresses, bounds and temporaries, beside sums and fragments
inline constexpr int kWarpgroupWarps = 4;
inline constexpr int kWarpgroupThreads = kWarpgroupWarps * kWarpThreads;
inline constexpr int kWgmmaRows = 64;          // of operand A in one instruction, 16 to each warp
inline constexpr int kSwizzledElements = 64;   // of a row of an operand in shared memory: 128 bytes, the widest swizzle
inline constexpr int kSharedAlignment = 1024;  // of whatever is swizzled
inline constexpr int kWgmmaSharedBytes = 227 << 10;  // that a block of sm_90 can have
inline constexpr int kBarrierBytes = 8;
inline constexpr int kSplitTokens = 128;        // whole stages of every tile
inline constexpr int kStreamingRegisters = 64;  // 1024 threads a multiprocessor: loads of 48 KB in flight
inline constexpr int kStreamedElements =
    8;  // streaming: of a row that a thread takes at a time, 16 bytes of each matrix

SWIGLU_HD constexpr long long ceil_div(long long value, long long divisor) { return (value + divisor - 1) / divisor; }

SWIGLU_HD constexpr bool is_power_of_two(int value) { return value > 0 && (value & (value - 1)) == 0; }

// wgmma_sm90: whether a tile belongs to one warpgroup, while another computes the next one in turns with it, or to all
// consumers together (cooperative).
SWIGLU_HD constexpr bool is_ping_pong(const Tile& tile) { return tile.warps_m * tile.warps_n == kWarpgroupWarps; }

// wgmma_sm90: whether the weights are operand A, whose rows the warps share, and x is B; then out is computed
// transposed.
SWIGLU_HD constexpr bool is_swapped(const Tile& tile) { return tile.warps_n > 1; }

SWIGLU_HD constexpr int consumer_warpgroups(const Tile& tile) {
  return is_ping_pong(tile) ? 2 : tile.warps_m * tile.warps_n / kWarpgroupWarps;
}

// wgmma_sm90: columns of a half of B as they lie in a stage: where columns are contiguous in memory, whole atoms of 64.
SWIGLU_HD constexpr int stored_columns(const KernelConfig& config) {
  const int n = config.tile.n;
  const bool atoms = config.family == Family::wgmma_sm90 && product(config.problem).b == Major::mn;
  return atoms ? static_cast<int>(ceil_div(n, kSwizzledElements)) * kSwizzledElements : n;
}

// wgmma_sm90: whether each half of B is an instruction's whole B, as both side by side are more columns than one takes,
// or do not lie side by side. The former of the deep sums over tokens alone: where output counts for more, such tiles
// are slower (docs/measurements.md).
inline constexpr int kMostWgmmaColumns = 256;
SWIGLU_HD constexpr bool has_halves_apart(const KernelConfig& config) {
  const bool wide = is_dw(config.problem.pass) && 2 * config.tile.n > kMostWgmmaColumns;
  return !is_swapped(config.tile) && (wide || stored_columns(config) != config.tile.n);
}

// Registers a thread holds sums in: both halves.
SWIGLU_HD constexpr int accumulator_registers(const KernelConfig& config) {
  const int sums = 2 * config.tile.m * config.tile.n / (config.tile.warps_m * config.tile.warps_n * kWarpThreads);
  if (config.family == Family::simt) {
    return config.problem.accum == Accum::f16_promoted ? 2 * sums : sums;
  }
  switch (config.problem.accum) {
    case Accum::f16:
      return sums / 2;  // two to a register
    case Accum::f16_promoted:
      return sums + sums / 2;
    default:
      return sums;
  }
}

// wgmma_sm90: whether a warpgroup does nothing but load. Three warpgroups leave a consumer's thread 240 registers, of
// which sums can have 216 at most, as ptxas has the first 24 for all else. Sums that need more leave no room for a
// third warpgroup: then one of the consumers' warps loads.
inline constexpr int kMostBesideProducer = 212;
SWIGLU_HD constexpr bool has_producer(const KernelConfig& config) {
  return accumulator_registers(config) <= kMostBesideProducer;
}

SWIGLU_HD constexpr int threads(const KernelConfig& config) {
  const Tile& tile = config.tile;
  if (config.family == Family::wgmma_sm90) {
    return (consumer_warpgroups(tile) + (has_producer(config) ? 1 : 0)) * kWarpgroupThreads;
  }
  return tile.warps_m * tile.warps_n * kWarpThreads;
}

// Of one stage: the tiles of A and of both halves of B, in elements.
SWIGLU_HD constexpr int stage_elements(const KernelConfig& config) {
  const Tile& tile = config.tile;
  if (config.family == Family::simt) {
    return tile.m * (tile.k + kSimtPad) + 2 * tile.k * (tile.n + kSimtPad);
  }
  if (config.family == Family::streaming) {
    return 0;
  }
  return (tile.m + 2 * stored_columns(config)) * tile.k;
}

// wgmma_sm90: what the tensor cores of a multiprocessor do in a clock, and the clocks that a stage takes them.
inline constexpr int kFlopsPerClock = 4096;
SWIGLU_HD constexpr int stage_clocks(const KernelConfig& config) {
  return 4 * config.tile.m * config.tile.n * config.tile.k / kFlopsPerClock;
}

// wgmma_sm90: a matrix between global and shared memory goes in boxes, dense rows of at most swizzle_bytes (0: none).
// Of a row that is loaded the L2 cache reads promotion_bytes of memory at least (0: what is asked for).
struct Box {
  int columns;
  int rows;
  int swizzle_bytes;
  int promotion_bytes = 256;
};

// Of operand A or of a half of B in a stage: `rows` by tile.k, or by a column of atoms of 64 x 64 where its rows are
// contiguous in memory.
SWIGLU_HD constexpr Box operand_box(const KernelConfig& config, Major major, int rows) {
  return {kSwizzledElements, major == Major::k ? rows : config.tile.k, kSwizzledElements * kElementBytes};
}
SWIGLU_HD constexpr Box a_box(const KernelConfig& config) {
  return operand_box(config, product(config.problem).a, config.tile.m);
}
SWIGLU_HD constexpr Box b_box(const KernelConfig& config) {
  return operand_box(config, product(config.problem).b, config.tile.n);
}
SWIGLU_HD constexpr int boxes(Major major, int rows) { return major == Major::k ? 1 : rows / kSwizzledElements; }

// wgmma_sm90: whether waiting for dout would stop the products, as in a cooperative tile of the recomputation: then it
// is asked for while the tile is multiplied, for as many rounds as there is room for.
SWIGLU_HD constexpr bool fetches_early(const KernelConfig& config) {
  return config.problem.pass == Pass::recompute && !is_ping_pong(config.tile);
}

// wgmma_sm90: a warpgroup stages one half of 64 rows of its sums at a time, by this many columns of them: of all, or of
// an equal part that is whole groups of 8. Beside dg and du, and beside the largest stages, there is room for 64 at
// most; of a cooperative tile of the recomputation by fewer, so that there are slots for dout before it is needed: 32,
// and 40 of 200.
SWIGLU_HD constexpr int staged_sums(const KernelConfig& config) {
  constexpr int kFetched = 32;
  constexpr int kMostFetched = 40;
  const Tile& tile = config.tile;
  const Pass pass = config.problem.pass;
  if (!is_swapped(tile)) {
    const bool little_room = has_gradients_ahead(pass) || has_halves_apart(config);
    const int most = fetches_early(config) ? kFetched : little_room ? kWgmmaRows : tile.n;
    return tile.n % most == 0 ? most : tile.n;
  }
  const int most = fetches_early(config) ? kMostFetched : 2 * kWgmmaRows;
  int parts = 1;
  while (tile.m / parts > most || tile.m % (parts * 8) != 0) {
    ++parts;
  }
  return tile.m / parts;
}

// wgmma_sm90: rounds in which a warpgroup writes a tile, each both halves of 64 rows of its sums, or of columns of
// them.
SWIGLU_HD constexpr int staged_rounds(const KernelConfig& config) {
  const Tile& tile = config.tile;
  return is_swapped(tile) ? tile.m / staged_sums(config)
                          : tile.m / (tile.warps_m * 16) * (tile.n / staged_sums(config));
}

// wgmma_sm90: what is staged in a round.
SWIGLU_HD constexpr int staged_outputs(Pass pass) {
  return pass == Pass::forward ? 1 : pass == Pass::forward_store ? 3 : 2;
}

// Whether rows of sums are rows of the result in memory, and no columns.
SWIGLU_HD constexpr bool sums_lie_upright(const KernelConfig& config) {
  return is_swapped(config.tile) == product(config.problem).transposed;
}

SWIGLU_HD constexpr int staged_columns(const KernelConfig& config) {
  return sums_lie_upright(config) ? staged_sums(config) : kWgmmaRows;
}

// Rows of pitches that are odd multiples of 16 bytes meet on no bank as they are; of the others those of 64 and 32
// columns are swizzled, and the rest (n = 80, 112) meet in pairs.
SWIGLU_HD constexpr Box output_box(const KernelConfig& config) {
  const int rows = sums_lie_upright(config) ? kWgmmaRows : staged_sums(config);
  const int columns = staged_columns(config);
  const int box = columns % 64 == 0 ? 64 : columns % 32 == 0 ? 32 : columns;
  return {box, rows, box == 64 || box == 32 ? box * kElementBytes : 0};
}

// wgmma_sm90: whether results are computed from something of their own size in memory, which is fetched into the
// staging: dout, or the gradients that are added to.
SWIGLU_HD constexpr bool fetches(const Problem& problem) {
  return problem.pass == Pass::recompute || (is_dw(problem.pass) && problem.gradient == Gradient::element);
}

// mma_sm80: one half of an output tile as it lies in memory.
SWIGLU_HD constexpr int staged_half_elements(const KernelConfig& config) {
  const Tile& tile = config.tile;
  return product(config.problem).transposed ? tile.n * (tile.m + kStagingPad) : tile.m * (tile.n + kStagingPad);
}

SWIGLU_HD constexpr int ring_bytes(const KernelConfig& config) {
  return config.tile.stages * stage_elements(config) * kElementBytes;
}

// wgmma_sm90: of what a warpgroup stages at a time.
SWIGLU_HD constexpr int staging_slot_elements(const KernelConfig& config) {
  constexpr int kAlignment = kSharedAlignment / kElementBytes;
  return static_cast<int>(ceil_div(kWgmmaRows * staged_sums(config), kAlignment)) * kAlignment;
}

// wgmma_sm90: slots that a warpgroup's staging has. Of a cooperative tile, whose epilogue nothing hides, as many as fit
// beside the ring: of the recomputation one for du and the others for dout, where dg goes out, if there is room for
// three at least; of other passes so many that they divide what is staged of a tile, and each is always written in its
// turn. Of ping-pong tiles out alone gains by it; where g and u are stored, more at once delays loads by as much.
inline constexpr int kBarriersRoom = 512;  // bytes, of all barriers
SWIGLU_HD constexpr int staging_slots(const KernelConfig& config) {
  const Pass pass = config.problem.pass;
  if ((is_ping_pong(config.tile) && pass != Pass::forward) || has_gradients_ahead(pass)) {
    return 1;
  }
  const int slot_bytes = consumer_warpgroups(config.tile) * staging_slot_elements(config) * kElementBytes;
  const int fit = (kWgmmaSharedBytes - ring_bytes(config) - kBarriersRoom) / slot_bytes;
  const int rounds = staged_rounds(config);
  const int most = pass == Pass::recompute ? rounds + 1 : rounds * staged_outputs(pass);
  int slots = fit < most ? fit : most;
  if (pass == Pass::recompute) {
    return slots < 3 ? 1 : slots;
  }
  while (slots > 1 && most % slots != 0) {
    --slots;
  }
  return slots > 1 ? slots : 1;
}

// wgmma_sm90: those of them into which what results are computed from is fetched.
SWIGLU_HD constexpr int fetch_slots(const KernelConfig& config) {
  const int slots = staging_slots(config);
  return config.problem.pass == Pass::recompute && slots > 1 ? slots - 1 : 1;
}

// wgmma_sm90: whether what consumers stage is sent by warps beside the one that loads, which have nothing else to do:
// of cooperative tiles, whose epilogue nothing hides.
SWIGLU_HD constexpr bool has_store_warps(const KernelConfig& config) {
  const Pass pass = config.problem.pass;
  return !is_ping_pong(config.tile) && has_producer(config) && (is_forward(pass) || pass == Pass::dx);
}

// wgmma_sm90: of a consumer, for each slot that is fetched into one, and that a store warp sends two, staged and sent.
SWIGLU_HD constexpr int slot_barriers(const KernelConfig& config) {
  return fetches(config.problem) ? fetch_slots(config) : has_store_warps(config) ? 2 * staging_slots(config) : 0;
}

// wgmma_sm90: of a stage two, full and empty; and those of the consumers' slots.
SWIGLU_HD constexpr int product_barriers(const KernelConfig& config) {
  return 2 * config.tile.stages + consumer_warpgroups(config.tile) * slot_barriers(config);
}

// Of an output tile on its way to wide stores: for each consumer of wgmma_sm90; of mma_sm80 it takes the place of the
// stages after the main loop, for the recomputation twice: dout comes in where dg goes out, and du beside it.
SWIGLU_HD constexpr int staging_elements(const KernelConfig& config) {
  switch (config.family) {
    case Family::simt:
    case Family::streaming:
      return 0;
    case Family::mma_sm80:
      return staged_half_elements(config) * (config.problem.pass == Pass::recompute ? 2 : 1);
    case Family::wgmma_sm90:
      break;
  }
  return staging_slots(config) * staging_slot_elements(config);
}

// Gradients ahead: the producer's other warps take boxes of dout, g and u, of each a few rows of a section's columns, a
// chunk for each lane; as many of all three as there is room for are asked for ahead of time.
inline constexpr int kAheadWarps = kWarpgroupWarps - 1;
inline constexpr int kSectionColumns = kStreamedElements * kWarpThreads;
inline constexpr int kAheadRows = 2;
inline constexpr int kAheadMatrixBytes = kAheadRows * kSectionColumns * kElementBytes;
inline constexpr int kAheadSlotBytes = 3 * kAheadMatrixBytes;
inline constexpr int kMostAheadSlots = 4;  // of a warp
SWIGLU_HD constexpr Box ahead_box() { return {kSectionColumns, kAheadRows, 0}; }
SWIGLU_HD constexpr int ahead_slots(const KernelConfig& config) {
  if (!has_gradients_ahead(config.problem.pass)) {
    return 0;
  }
  const int staging = consumer_warpgroups(config.tile) * staging_elements(config) * kElementBytes;
  const int left = kWgmmaSharedBytes - ring_bytes(config) - staging - product_barriers(config) * kBarrierBytes;
  int slots = kMostAheadSlots;
  while (slots > 1 && slots * kAheadWarps * (kAheadSlotBytes + kBarrierBytes) > left) {
    slots /= 2;
  }
  return slots;
}
SWIGLU_HD constexpr int ahead_bytes(const KernelConfig& config) {
  return ahead_slots(config) * kAheadWarps * kAheadSlotBytes;
}

// wgmma_sm90: those of the product, then of what gradients ahead are computed from, a slot each.
SWIGLU_HD constexpr int barriers(const KernelConfig& config) {
  return product_barriers(config) + ahead_slots(config) * kAheadWarps;
}

// Dynamic shared memory of a block.
SWIGLU_HD constexpr int shared_bytes(const KernelConfig& config) {
  const int ring = ring_bytes(config);
  const int staging = staging_elements(config) * kElementBytes;
  if (config.family == Family::wgmma_sm90) {
    return ring + consumer_warpgroups(config.tile) * staging + ahead_bytes(config) + barriers(config) * kBarrierBytes;
  }
  return ring > staging ? ring : staging;
}

// Gradients ahead: of a block that walks no tiles, the warps that compute them, all that its shared memory has slots
// for.
SWIGLU_HD constexpr int warps_without_tiles(const KernelConfig& config) {
  const int fit = shared_bytes(config) / (ahead_slots(config) * (kAheadSlotBytes + kBarrierBytes));
  const int all = threads(config) / kWarpThreads;
  return fit < all ? fit : all;
}

// Registers a thread holds mma operands in: a step's, twice (fragments.cuh). Each block of 16 rows takes 4, each block
// of 8 columns 2 for either half.
SWIGLU_HD constexpr int fragment_registers(const KernelConfig& config) {
  const Tile& tile = config.tile;
  return config.family != Family::mma_sm80 ? 0 : 2 * (tile.m / tile.warps_m / 16 * 4 + tile.n / tile.warps_n / 8 * 4);
}

// wgmma_sm90: of a thread beside a producer; three warpgroups begin with 168 and share them out. Beside gradients ahead
// consumers have no more than they need, as those who compute them are the faster the more they have.
SWIGLU_HD constexpr int consumer_registers(const KernelConfig& config) {
  constexpr int kBesideSums = 32;
  const int needed = accumulator_registers(config) + kBesideSums;
  return !has_gradients_ahead(config.problem.pass) ? 240
         : needed < 184                            ? 184
                                                   : static_cast<int>(ceil_div(needed, 8)) * 8;
}
SWIGLU_HD constexpr int other_registers(const KernelConfig& config) { return 3 * 168 - 2 * consumer_registers(config); }

// Blocks that shall fit the 65536 registers of a multiprocessor, so that one computes while another starts or stores:
// the second argument of __launch_bounds__.
SWIGLU_HD constexpr int min_blocks(const KernelConfig& config) {
  if (config.family == Family::wgmma_sm90) {
    return 1;
  }
  if (config.family == Family::streaming) {
    return 65536 / (threads(config) * kStreamingRegisters);
  }
  const int registers = accumulator_registers(config) + fragment_registers(config) + kOtherRegisters;
  return 2 * threads(config) * registers <= 65536 ? 2 : 1;
}

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

// wgmma_sm90: blocks that walk so many tiles, one to a multiprocessor; beside dg and du as few as take no longer, for
// one that begins a group early would wait for all of it.
SWIGLU_HD constexpr long long walking_blocks(const KernelConfig& config, long long tiles, int multiprocessors) {
  const long long most = tiles < multiprocessors ? tiles : multiprocessors;
  return has_gradients_ahead(config.problem.pass) ? ceil_div(tiles, ceil_div(tiles, most)) : most;
}

// wgmma_sm90: those of a launch. On multiprocessors that have no tiles dg and du are computed all the same.
SWIGLU_HD constexpr long long resident_blocks(const KernelConfig& config, long long tiles, int multiprocessors) {
  return has_gradients_ahead(config.problem.pass) ? multiprocessors : walking_blocks(config, tiles, multiprocessors);
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
