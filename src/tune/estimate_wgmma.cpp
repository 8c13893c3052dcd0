#include "tune/estimate_wgmma.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

namespace swiglu {
namespace {

// Fitted to the times of all candidates of 86 problems on an H200 (docs/measurements.md); clocks are a
// multiprocessor's.
constexpr double kFlopsPerClock = 4096;
constexpr double kMaxClock = 1.98e9;
constexpr double kBusyClock = 1.73e9;        // with all tensor cores busy on random data: the power limit
constexpr double kPowerExponent = 0.41;      // idle tensor cores hand their power to the others
constexpr double kLoadedBytesPerClock = 88;  // into shared memory, sustained
constexpr double kLoadClocks = 0.0044;       // what each byte costs all the same, in power
constexpr double kGatedPerClock = 7.2;       // elements that a warpgroup gates and stores
constexpr double kStoredPerClock = 8;        // that it stores as they are
constexpr double kRoundClocks = 210;         // of a round of its staging besides
constexpr double kPromotedClocks = 2.8;    // of adding a thread's f16 sum to its f32 sum; in ping-pong nothing hides it
constexpr double kFirstLoadClocks = 3600;  // until the first stage has arrived
constexpr double kStageGapClocks = 18;     // of a cooperative tile, whose warpgroups wait for each stage
constexpr double kMemoryShare = 0.92;      // of the memory's peak
constexpr double kIdleExponent = 0.34;     // how far fewer multiprocessors fall short of drawing that
constexpr double kUnhidden = 0.2;          // of the shorter of computing and reading memory
constexpr double kLaunchSeconds = 0.7e-6;

// Of a warpgroup: all products of its tile or of its part of one, and the tile's rounds of output.
struct TileClocks {
  double multiply;
  double store;
};

TileClocks tile_clocks(const KernelConfig& config, std::int64_t m) {
  const Tile& tile = config.tile;
  const bool ping_pong = is_ping_pong(tile);
  const double stages = static_cast<double>(ceil_div(config.problem.d_model, tile.k));
  const double products = 4.0 * tile.m * tile.n * tile.k / kFlopsPerClock;
  const auto rows = static_cast<double>(std::min<std::int64_t>(m, tile.m));
  const double loaded = (rows + 2.0 * tile.n) * tile.k * kElementBytes;
  const double gap = ping_pong ? 0 : kStageGapClocks;
  const double sums = 2.0 * tile.m * tile.n / (tile.warps_m * tile.warps_n * kWarpThreads);
  const double promotion =
      config.problem.accum == Accum::f16_promoted ? sums * kPromotedClocks * (ping_pong ? 1.5 : 1) : 0;
  const double elements = static_cast<double>(tile.m) * tile.n / (ping_pong ? 1 : consumer_warpgroups(tile));
  const double rounds = elements / (output_box(config).rows * staged_columns(tile));
  const double plain = config.problem.pass == Pass::forward_store ? 2 : 0;  // g and u
  return {stages * (std::max(products, loaded / kLoadedBytesPerClock) + loaded * kLoadClocks + gap + promotion),
          (1 + plain) * rounds * kRoundClocks + elements / kGatedPerClock + plain * elements / kStoredPerClock};
}

// Of the multiprocessor with most tiles, from the first load to the last store.
double longest_walk(const KernelConfig& config, std::int64_t m, const DeviceSpec& spec) {
  const TileClocks clocks = tile_clocks(config, m);
  const auto walk = static_cast<double>(ceil_div(tiles(config, m), spec.multiprocessors));
  const double turn = is_ping_pong(config.tile) ? std::max(clocks.multiply, (clocks.multiply + clocks.store) / 2)
                                                : clocks.multiply + clocks.store;
  return kFirstLoadClocks + (walk - 1) * turn + clocks.multiply + clocks.store;
}

// Everything read and written once. Multiprocessors without a tile draw nothing, and the others do not make up for it.
double memory_seconds(const KernelConfig& config, std::int64_t m, const DeviceSpec& spec) {
  const Problem& problem = config.problem;
  const double matrices = problem.pass == Pass::forward_store ? 3 : 1;
  const double bytes = kElementBytes * ((static_cast<double>(m) + 2.0 * problem.d_intermediate) * problem.d_model +
                                        matrices * static_cast<double>(m) * problem.d_intermediate);
  const long long all = tiles(config, m);
  const auto rest = static_cast<double>(all % spec.multiprocessors) / spec.multiprocessors;  // of the last wave
  const double full = static_cast<double>(all / spec.multiprocessors);
  const double waves = full + (rest > 0 ? rest * std::pow(rest, -kIdleExponent) : 0);
  return bytes / (spec.memory_bytes_per_second * kMemoryShare) * waves / (full + rest);
}

}  // namespace

Estimate estimate_wgmma(const KernelConfig& config, std::int64_t m, const DeviceSpec& spec) {
  const Problem& problem = config.problem;
  const double clocks = longest_walk(config, m, spec);
  const double flops = 4.0 * static_cast<double>(m) * problem.d_model * problem.d_intermediate;
  const double busy = std::min(1.0, flops / (clocks * spec.multiprocessors * kFlopsPerClock));
  const double computing = clocks / std::min(kMaxClock, kBusyClock * std::pow(busy, -kPowerExponent));
  const double memory = memory_seconds(config, m, spec);
  const double seconds = kLaunchSeconds + std::max(computing, memory) + kUnhidden * std::min(computing, memory);
  return {seconds,
          fmt::format("estimated {:.4g} us: {} tiles, {} at a time, limited by {}", seconds * 1e6, tiles(config, m),
                      spec.multiprocessors, memory > computing ? "memory bandwidth" : "tensor cores")};
}

}  // namespace swiglu
