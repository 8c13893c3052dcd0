#include "tune/estimate_wgmma.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

namespace swiglu {
namespace {

// Of one multiprocessor of an H200, in clocks; from docs/measurements.md.
constexpr double kFlopsPerClock = 4096;
constexpr double kMaxClock = 1.98e9;
constexpr double kBusyClock = 1.58e9;          // with all tensor cores busy on random data: the power limit
constexpr double kPowerExponent = 0.35;        // idle tensor cores hand their power to the others
constexpr double kLoadedBytes = 55;            // into shared memory, sustained
constexpr double kGatedElements = 7;           // of out that all consumers store together
constexpr double kFirstLoad = 1500;            // until the first stage has arrived
constexpr double kStageGap = 24;               // of a cooperative tile, whose warpgroups wait for each stage
constexpr double kAloneEfficiency = 0.85;      // of one warpgroup where ping-pong has no second tile to alternate with
constexpr double kBytesPerSecondShare = 0.88;  // of the memory's peak
constexpr double kLaunchSeconds = 2e-6;

struct TileClocks {
  double multiply;
  double store;
};

TileClocks tile_clocks(const KernelConfig& config, std::int64_t m) {
  const Tile& tile = config.tile;
  const double stages = static_cast<double>(ceil_div(config.problem.d_model, tile.k));
  const double products = 4.0 * tile.m * tile.n * tile.k / kFlopsPerClock;
  const auto rows = static_cast<double>(std::min<std::int64_t>(m, tile.m));
  const double loads = (rows + 2.0 * tile.n) * tile.k * kElementBytes / kLoadedBytes;
  const double gap = is_ping_pong(tile) ? 0 : kStageGap;
  const double matrices = config.problem.pass == Pass::forward_store ? 2 : 1;  // the gate is most of the work of one
  return {stages * (std::max(products, loads) + gap), matrices * rows * tile.n / kGatedElements};
}

// Of the multiprocessor with most tiles, from the first load to the last store.
double longest_walk(const KernelConfig& config, std::int64_t m, const DeviceSpec& spec) {
  const TileClocks clocks = tile_clocks(config, m);
  const auto walk = static_cast<double>(ceil_div(tiles(config, m), spec.multiprocessors));
  if (!is_ping_pong(config.tile)) {
    return kFirstLoad + walk * (clocks.multiply + clocks.store);
  }
  // A warpgroup's own epilogue takes twice as long as that of two.
  const double store = 2 * clocks.store;
  const double hidden = std::max(clocks.multiply, (clocks.multiply + store) / 2);
  const double multiply = walk > 1 ? (walk - 1) * hidden + clocks.multiply : clocks.multiply / kAloneEfficiency;
  return kFirstLoad + multiply + store;
}

}  // namespace

Estimate estimate_wgmma(const KernelConfig& config, std::int64_t m, const DeviceSpec& spec) {
  const Problem& problem = config.problem;
  const double clocks = longest_walk(config, m, spec);
  const double flops = 4.0 * static_cast<double>(m) * problem.d_model * problem.d_intermediate;
  const double busy = std::min(1.0, flops / (clocks * spec.multiprocessors * kFlopsPerClock));
  const double clock = std::min(kMaxClock, kBusyClock * std::pow(busy, -kPowerExponent));
  const double matrices = problem.pass == Pass::forward_store ? 3 : 1;
  const double bytes = kElementBytes * ((static_cast<double>(m) + 2.0 * problem.d_intermediate) * problem.d_model +
                                        matrices * static_cast<double>(m) * problem.d_intermediate);
  const double memory_seconds = bytes / (spec.memory_bytes_per_second * kBytesPerSecondShare);
  const double seconds = clocks / clock;
  return {kLaunchSeconds + std::max(seconds, memory_seconds) + 0.1 * std::min(seconds, memory_seconds),
          fmt::format("estimated {:.4g} us: {} tiles, {} at a time, limited by {}",
                      (kLaunchSeconds + std::max(seconds, memory_seconds)) * 1e6, tiles(config, m),
                      spec.multiprocessors, memory_seconds > seconds ? "memory bandwidth" : "tensor cores")};
}

}  // namespace swiglu
