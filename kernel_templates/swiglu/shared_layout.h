// What a block has in shared memory, by its configuration: the stages of operands, what is staged of its results, the
// slots of gradients that are computed ahead, and the barriers of all of these; and the boxes in which tensor maps fill
// and empty them.
//
// Shared by the host and by every kernel template, as swiglu/config.h. Everything is constexpr and without state.
#pragma once

#include "swiglu/tile.h"

namespace swiglu {

inline constexpr int kSimtPad = 2;  // elements after each row of a simt tile, against bank conflicts
inline constexpr int kStagingPad = kChunkBytes / kElementBytes;  // elements after each row of a staged output tile
inline constexpr int kSharedAlignment = 1024;                    // of whatever is swizzled
inline constexpr int kWgmmaSharedBytes = 227 << 10;              // that a block of sm_90 can have
inline constexpr int kBarrierBytes = 8;

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
// Of A as many as a cluster has blocks.
SWIGLU_HD constexpr Box a_box(const KernelConfig& config) {
  return operand_box(config, product(config.problem).a, config.tile.m / most_cluster_blocks(config));
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
  return is_swapped(tile) ? tile.m / staged_sums(config) : row_blocks(tile) * (tile.n / staged_sums(config));
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
// turn. Of ping-pong tiles as many where out is all that is stored; with g and u it gains nothing, and is slower in
// bursts (docs/measurements.md).
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

// Gradients ahead: kAheadWarps take boxes of dout, g and u, of each a few rows of kSectionColumns, a chunk for each
// lane; as many of all three as there is room for are asked for ahead of time.
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

}  // namespace swiglu
