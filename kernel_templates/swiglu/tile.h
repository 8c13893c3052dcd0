// A tile, the kernel configuration made of it and a problem (swiglu/problem.h), and what follows for a block's threads:
// their roles, sums and registers.
//
// Shared by the host and by every kernel template, as swiglu/config.h. Everything is constexpr and without state.
#pragma once

#include "swiglu/problem.h"

namespace swiglu {

// One CTA computes m rows by n columns of either half of a product (swiglu/problem.h): of `out`, hence n columns of
// gate AND n of up. Family streaming: n elements, and m, k, stages and group_m are 1.
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
inline constexpr int kOtherRegisters = 56;  // of a thread: addresses, bounds and temporaries, beside sums and fragments
inline constexpr int kWarpgroupWarps = 4;
inline constexpr int kWarpgroupThreads = kWarpgroupWarps * kWarpThreads;
inline constexpr int kWgmmaRows = 64;         // of operand A in one instruction, 16 to each warp
inline constexpr int kSwizzledElements = 64;  // of a row of an operand in shared memory: 128 bytes, the widest swizzle
inline constexpr int kStreamingRegisters = 64;  // 1024 threads a multiprocessor: loads of 48 KB in flight
inline constexpr int kStreamedElements =
    8;  // streaming: of a row that a thread takes at a time, 16 bytes of each matrix

// Gradients ahead: the producer's other warps compute them, by so many columns, a chunk for each lane.
inline constexpr int kAheadWarps = kWarpgroupWarps - 1;
inline constexpr int kSectionColumns = kStreamedElements * kWarpThreads;

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

// wgmma_sm90: of 64 rows of operand A, if it is not swapped, for a warpgroup.
SWIGLU_HD constexpr int row_blocks(const Tile& tile) { return tile.m / (tile.warps_m * 16); }

// wgmma_sm90: columns of a half of B as they lie in a stage: where columns are contiguous in memory, whole atoms of 64.
SWIGLU_HD constexpr int stored_columns(const KernelConfig& config) {
  const int n = config.tile.n;
  const bool atoms = config.family == Family::wgmma_sm90 && product(config.problem).b == Major::mn;
  return atoms ? static_cast<int>(ceil_div(n, kSwizzledElements)) * kSwizzledElements : n;
}

// wgmma_sm90: whether each half of B is an instruction's whole B, as both side by side are more columns than one takes,
// or do not lie side by side. The former of the deep sums over tokens alone: where output counts for more, such tiles
// are slower (docs/measurements.md). And where promoted sums would else be one block, so that one half is added to
// while the other is multiplied; but of narrow ones operand A would be read too often.
inline constexpr int kMostWgmmaColumns = 256;
inline constexpr int kFewestApart = 96;
SWIGLU_HD constexpr bool has_halves_apart(const KernelConfig& config) {
  const Tile& tile = config.tile;
  const bool wide = is_dw(config.problem.pass) && 2 * tile.n > kMostWgmmaColumns;
  const bool in_turns = config.problem.accum == Accum::f16_promoted && row_blocks(tile) == 1 &&
                        tile.n >= kFewestApart && tile.n % 16 == 0;
  return !is_swapped(tile) && (wide || in_turns || stored_columns(config) != tile.n);
}

// wgmma_sm90: instructions that a warpgroup multiplies its sums by in a step, each a block of 64 rows.
SWIGLU_HD constexpr int sum_blocks(const KernelConfig& config) {
  const int rows = row_blocks(config.tile);
  return is_swapped(config.tile) ? 2 : has_halves_apart(config) ? 2 * rows : rows;
}

// Sums of both halves that a thread computes.
SWIGLU_HD constexpr int thread_sums(const Tile& tile) {
  return 2 * tile.m * tile.n / (tile.warps_m * tile.warps_n * kWarpThreads);
}

// Registers it holds them in.
SWIGLU_HD constexpr int accumulator_registers(const KernelConfig& config) {
  const int sums = thread_sums(config.tile);
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

// wgmma_sm90: blocks of a cluster, where they come in clusters (cluster_blocks() in swiglu/grid.h). Without a producer
// the ring is hardly ahead of its readers, so that blocks cannot keep step by it (swiglu/lockstep.cuh), and what
// several of them read is read several times. Two can load it for each other.
SWIGLU_HD constexpr int most_cluster_blocks(const KernelConfig& config) {
  return config.family == Family::wgmma_sm90 && !has_producer(config) ? 2 : 1;
}

SWIGLU_HD constexpr int threads(const KernelConfig& config) {
  const Tile& tile = config.tile;
  if (config.family == Family::wgmma_sm90) {
    return (consumer_warpgroups(tile) + (has_producer(config) ? 1 : 0)) * kWarpgroupThreads;
  }
  return tile.warps_m * tile.warps_n * kWarpThreads;
}

// wgmma_sm90: what the tensor cores of a multiprocessor do in a clock, and the clocks that a stage takes them.
inline constexpr int kFlopsPerClock = 4096;
SWIGLU_HD constexpr int stage_clocks(const KernelConfig& config) {
  return 4 * config.tile.m * config.tile.n * config.tile.k / kFlopsPerClock;
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

}  // namespace swiglu
