#include "tune/estimate_wgmma.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "tune/estimate_cache.h"
#include "tune/product_sizes.h"

namespace swiglu {
namespace {

// Fitted to the times of all candidates of 86 problems on an H200 (docs/measurements.md); clocks are a
// multiprocessor's.
constexpr double kMaxClock = 1.98e9;
constexpr double kBusyClock = 1.73e9;      // with all tensor cores busy on random data: the power limit
constexpr double kPowerExponent = 0.41;    // idle tensor cores hand their power to the others
constexpr double kLoadClocks = 0.0048;     // what each byte costs all the same, in power: in bursts 4 % less
constexpr double kGatedPerClock = 7.2;     // elements that a warpgroup gates and stores
constexpr double kStoredPerClock = 8;      // that it stores as they are
constexpr double kRoundClocks = 210;       // of a round of its staging besides
constexpr double kFetchClocks = 2500;      // of waiting for what a round is computed from;
constexpr double kFetchedClocks = 300;     // where it has been fetched before, on an H200: on an H100 not measured
constexpr double kFirstLoadClocks = 3600;  // until the first stage has arrived
constexpr double kStageGapClocks = 18;     // of a cooperative tile, whose warpgroups wait for each stage
constexpr double kMemoryShare = 0.92;      // of the memory's peak
constexpr double kIdleExponent = 0.34;     // how far fewer multiprocessors fall short of drawing that, of an H200
constexpr double kDrawnEach = 36e9;        // bytes a second of that, of a multiprocessor
constexpr double kUnhidden = 0.2;          // of the shorter of computing and reading memory; of ping-pong
constexpr double kUnhiddenDw = 0.6;        // tiles of dW, whose two warpgroups put out at one time what takes long
constexpr double kAheadSeconds = 660e-12;  // an element of dg and du by one multiprocessor's spare warps
constexpr double kWithoutTiles = 4;        // times as many by one that has no tiles, all of whose warps compute them
constexpr double kAheadStart = 10e-6;      // until the first of them are known to be there
constexpr double kBesideMemory = 0.3;      // of the time that they take memory
constexpr double kLaunchSeconds = 0.7e-6;

// Of promoted sums: of adding to one of a thread's f32 sums, of the last block of a stage, and of the stage besides; in
// ping-pong nobody multiplies meanwhile.
constexpr double kPromotedClocks = 0.95;
constexpr double kPromotedGapClocks = 75;
constexpr double kPromotedAloneClocks = 4.4;
constexpr double kPromotedAloneGapClocks = 100;

// Of the time to multiply: a ring of three stages hides less; a ping-pong tile falls behind a little where x is operand
// B, and in the deep products of the backward pass, most where both operands have contiguous rows or columns.
constexpr double kShallowRing = 1.02;
constexpr double kOwnLoads = 1.03;    // without a producer, whose loads are ahead and in step
constexpr double kApart = 1.03;       // of forward tiles whose halves apart read operand A twice; promoted sums' apart
                                      // for another reason have it in their own constants
constexpr int kTallRows = 256;        // of a tile, from which on it is tall
constexpr double kTallStored = 1.03;  // of tall tiles, where g and u are stored
constexpr double kUnseen = 0.13;      // of tall tiles, in passes in which they were not measured; and on an H100 of
                                      // what was measured on an H200 alone
constexpr double kPingPongSwapped = 1.006;
constexpr double kPingPongDx = 1.03;
constexpr double kPingPongDw = 1.03;
// The recomputation's ping-pong tiles with rings of six stages and more, which are the narrow ones, lose this where
// d_model is 4096, less where it is smaller; not explained.
constexpr double kNarrowRecompute = 0.12;

double ping_pong_factor(Pass pass, const Tile& tile, double depth) {
  switch (pass) {
    case Pass::recompute:
      return tile.stages > 5 ? 1 + kNarrowRecompute * std::min(1.0, depth / 4096) : 1;
    case Pass::dx:
    case Pass::dgate_dx:
      return kPingPongDx;
    case Pass::dw:
    case Pass::dw_single:
    case Pass::dgate_dw:
      return kPingPongDw;
    default:
      return 1;
  }
}

double tall_factor(Pass pass) {
  return pass == Pass::forward ? 1 : pass == Pass::forward_store ? kTallStored : 1 + kUnseen;
}

double multiply_factor(const KernelConfig& config, const ProductSizes& sizes, const DeviceSpec& spec) {
  const Tile& tile = config.tile;
  const bool apart = is_forward(config.problem.pass) && stored_columns(config) != tile.n;
  const bool alone = !has_producer(config);
  const bool tall = tile.m >= kTallRows;
  const double walk = (tile.stages < 4 ? kShallowRing : 1) * (alone ? kOwnLoads : 1) * (apart ? kApart : 1) *
                      (tall ? tall_factor(config.problem.pass) : 1) *
                      (tall || apart ? 1 + kUnseen * slow_share(spec) : 1) * raster_factor(config, sizes, spec);
  if (!is_ping_pong(tile)) {
    return walk;
  }
  return walk * (is_swapped(tile) ? kPingPongSwapped : 1) * ping_pong_factor(config.problem.pass, tile, sizes.depth);
}

// What a warpgroup does with 64 rows of both halves of its sums.
struct Round {
  double gated;    // elements that go through the activation or its gradient, in elements of a half
  double plain;    // halves stored as they are
  double fetches;  // halves read first
};

Round round_of(const Problem& problem, const ProductSizes& sizes) {
  switch (problem.pass) {
    case Pass::forward:
      return {1, 0, 0};
    case Pass::forward_store:
      return {1, 2, 0};
    case Pass::recompute:
      return {1, 1, 1};
    default:
      return {0, sizes.element_bytes / kElementBytes, 0};  // f32 as twice as many
  }
}

// Of a stage: f16 sums added to f32 sums, but those that are added while the next block is multiplied.
double promotion_clocks(const KernelConfig& config) {
  const Tile& tile = config.tile;
  if (config.problem.accum != Accum::f16_promoted) {
    return 0;
  }
  const double last = static_cast<double>(thread_sums(tile)) / sum_blocks(config);
  return is_ping_pong(tile) ? last * kPromotedAloneClocks + kPromotedAloneGapClocks
                            : last * kPromotedClocks + kPromotedGapClocks;
}

// Of a warpgroup: all products of its tile or of its part of one, and the tile's rounds of output.
struct TileClocks {
  double multiply;
  double store;
};

TileClocks tile_clocks(const KernelConfig& config, const ProductSizes& sizes, const DeviceSpec& spec) {
  const Tile& tile = config.tile;
  const bool ping_pong = is_ping_pong(tile);
  const auto stages = static_cast<double>(sizes.steps);
  const double products = stage_clocks(config);
  const double rows = std::min<double>(sizes.rows, tile.m);
  const double loaded = (rows + 2.0 * stored_columns(config)) * tile.k * kElementBytes;
  const double gap = ping_pong ? 0 : kStageGapClocks;
  const double elements = static_cast<double>(tile.m) * tile.n / (ping_pong ? 1 : consumer_warpgroups(tile));
  const double rounds = elements / (kWgmmaRows * staged_sums(config));
  const Round round = round_of(config.problem, sizes);
  const double early = fetch_slots(config) > 1 ? 1 - slow_share(spec) : 0;
  const double fetch = kFetchClocks - early * (kFetchClocks - kFetchedClocks);
  const double stage =
      std::max(products, stage_load_clocks(config, rows)) + loaded * kLoadClocks + gap + promotion_clocks(config);
  return {stages * stage * multiply_factor(config, sizes, spec),
          rounds * ((round.gated + round.plain) * kRoundClocks + round.fetches * fetch) +
              elements * (round.gated / kGatedPerClock + round.plain / kStoredPerClock)};
}

// Of the multiprocessor with most tiles, from the first load to the last store.
double longest_walk(const KernelConfig& config, const ProductSizes& sizes, long long tiles, const DeviceSpec& spec) {
  const TileClocks clocks = tile_clocks(config, sizes, spec);
  const auto walk = static_cast<double>(ceil_div(tiles, spec.multiprocessors));
  const double turn = is_ping_pong(config.tile) ? std::max(clocks.multiply, (clocks.multiply + clocks.store) / 2)
                                                : clocks.multiply + clocks.store;
  return kFirstLoadClocks + (walk - 1) * turn + clocks.multiply + clocks.store;
}

// Everything read and written once, but columns of B `loads` times. Multiprocessors without a tile draw nothing, and
// the others do not make up for it.
double memory_seconds(double loads, const ProductSizes& sizes, long long tiles, const DeviceSpec& spec) {
  const auto splits = static_cast<double>(sizes.splits);
  const double columns = sizes.b_matrices * sizes.columns * loads;
  const double operands = kElementBytes * (sizes.rows + columns) * sizes.depth * splits;
  const auto rest = static_cast<double>(tiles % spec.multiprocessors) / spec.multiprocessors;  // of the last wave
  const long long whole = tiles / spec.multiprocessors;
  const auto full = static_cast<double>(whole);
  const double drawn = spec.memory_bytes_per_second / (kDrawnEach * spec.multiprocessors);
  const double exponent = kIdleExponent * std::min(1.0, drawn * drawn);
  const double waves = full + (rest > 0 ? rest * std::pow(rest, -exponent) : 0);
  return (operands + result_bytes(sizes)) / (spec.memory_bytes_per_second * kMemoryShare) * waves / (full + rest);
}

// Of dg and du beside a product, besides the product's own time: the first tiles wait for what they multiply, those of
// dx for all columns of their rows in half their time, those of dW for all tokens; and reading and writing slow down
// what is multiplied meanwhile.
double beside_seconds(const KernelConfig& config, std::int64_t m, long long tiles, double products,
                      const DeviceSpec& spec) {
  const long long blocks = walking_blocks(config, tiles, spec.multiprocessors);
  const double tile = products / static_cast<double>(ceil_div(tiles, blocks));
  const bool dw = is_dw(config.problem.pass);
  const double in_time = dw ? tile : tile / 2;
  const auto tokens = static_cast<double>(m);
  const double first = dw ? tokens : std::min<double>(tokens, config.tile.m * rows_at_once(config, blocks));
  const auto without_tiles = static_cast<double>(spec.multiprocessors - blocks);
  const double deriving = static_cast<double>(blocks) + kWithoutTiles * without_tiles;
  const double each = kAheadSeconds / deriving * config.problem.d_intermediate;
  const double moved = 5.0 * kElementBytes * tokens * config.problem.d_intermediate;
  const double last = tile - in_time;  // of multiplying, after the last of dg and du
  return std::max(tokens * each + last - products,
                  kAheadStart + std::max(0.0, first * each - in_time) +
                      kBesideMemory * moved / (spec.memory_bytes_per_second * kMemoryShare));
}

}  // namespace

Estimate estimate_wgmma(const KernelConfig& config, std::int64_t m, const DeviceSpec& spec) {
  const ProductSizes sizes = product_sizes(config, m, spec);
  const long long all = tiles(config, m) * sizes.splits;
  const double clocks = std::max(longest_walk(config, sizes, all, spec), all_load_clocks(config, sizes, m, spec));
  const double busy =
      std::min(1.0, product_flops(sizes, sizes.rows) / (clocks * spec.multiprocessors * kFlopsPerClock));
  const double computing = clocks / std::min(kMaxClock, kBusyClock * std::pow(busy, -kPowerExponent));
  // Columns that two tiles have in their stages are loaded twice, which tells where reading takes longest.
  const double memory = memory_seconds(static_cast<double>(stored_columns(config)) / config.tile.n, sizes, all, spec);
  const double shorter = computing < memory ? computing : memory_seconds(1, sizes, all, spec);
  const bool competes = is_dw(config.problem.pass) && is_ping_pong(config.tile);
  const double products = kLaunchSeconds + std::max(computing, memory) + (competes ? kUnhiddenDw : kUnhidden) * shorter;
  const bool beside = has_gradients_ahead(config.problem.pass);
  const double seconds = products + (beside ? beside_seconds(config, m, all, products, spec) : 0);
  return {seconds, fmt::format("estimated {:.4g} us: {} tiles, {} at a time, limited by {}", seconds * 1e6, all,
                               spec.multiprocessors, memory > computing ? "memory bandwidth" : "tensor cores")};
}

}  // namespace swiglu
