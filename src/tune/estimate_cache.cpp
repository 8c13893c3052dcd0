#include "tune/estimate_cache.h"

#include <algorithm>
#include <cmath>

namespace swiglu {
namespace {

// Fitted to 204 problems on an H100, whose cache is smaller than an H200's (docs/measurements.md); an H200 shows less
// of it.
constexpr double kLoadedBytesPerClock = 88;  // into the shared memory of a multiprocessor, sustained
// By all of them, of rows that are no multiple of 128 bytes, where each row of a box lies in two lines.
constexpr double kStraddlingBytesPerClock = 26;

// How many rows of A a group of the raster shall have, for tiles that read more than kHungryBytesPerClock: the L2 cache
// then decides. Below, the same columns of B are read more often; above, more of A is evicted before its next reader
// comes, soonest where much besides goes through the cache. A loss for each doubling.
constexpr double kHungryBytesPerClock = 54;
constexpr double kShortGroup = 0.03;
struct GroupRows {
  double least;
  double most;
  double tall;  // a doubling beyond that
};
GroupRows group_rows(Pass pass) {
  switch (pass) {
    case Pass::recompute:
      return {1024, 1024, 0.09};
    case Pass::forward_store:
      return {1536, 1024, 0.05};
    default:
      return {1536, 1536, 0.06};
  }
}
constexpr double kGroupDepth = 2048;  // of d_model: less of it, less of the loss

// Tiles that read still more, by rings of five stages and more, in which blocks fall farther out of step: what they
// lose where there are more rows than a group may have, on a card with an H100's cache and memory. An H200 shows next
// to nothing of it.
constexpr double kVeryHungryBytesPerClock = 62;
constexpr int kDeepRing = 5;
constexpr double kDriftLoss = 0.2;
constexpr double kDriftRows = 1024;
constexpr double kDriftModel = 768;  // of d_model: less of it, none of the loss; twice as much, all

double drift_loss(const KernelConfig& config, double rows, double bytes_per_clock, const DeviceSpec& spec) {
  if (rows <= kDriftRows || bytes_per_clock < kVeryHungryBytesPerClock || config.tile.stages < kDeepRing) {
    return 0;
  }
  return kDriftLoss * slow_share(spec) * std::clamp((config.problem.d_model - kDriftModel) / kDriftModel, 0.0, 1.0);
}

// Beside what group_rows() says, on a card of an H100's kind: the recomputation's loss for each doubling from fewer
// rows on, and in layout nk, where d_model is more than kDeepModel, of all groups; and of all its ping-pong tiles where
// d_model is more than 2048.
constexpr double kRecomputeRows = 704;
constexpr double kRecomputeTall = 0.15;
constexpr double kDeepNk = 0.04;
constexpr double kDeepModel = 1664;
constexpr double kDeeperModel = 1920;  // from here on all of it
constexpr double kDeepRecompute = 0.07;

double recompute_loss(const Problem& problem, double rows, const DeviceSpec& spec) {
  const double deep = std::clamp((problem.d_model - kDeepModel) / (kDeeperModel - kDeepModel), 0.0, 1.0);
  return slow_share(spec) * (kRecomputeTall * std::max(0.0, std::log2(rows / kRecomputeRows)) +
                             (problem.layout == Layout::nk ? kDeepNk * deep : 0.0));
}

// What a wave of blocks reads of both operands is read again by the next one, x by its own columns and the weights by
// the next group's rows. Of more bytes than the L2 cache keeps for them much comes from memory again: at this loss a
// byte, up to one in all. Of the forward products, which have many columns.
constexpr double kKeptBytes = 65e6;
constexpr double kEvictedLoss = 0.0055e-6;
constexpr double kMostEvictedLoss = 0.1;

// What tiles save that all multiprocessors take in bands of the raster, of the forward products: reading from the
// cache, against reading more often from memory where the operands are deep. More where x is operand B, as those tiles
// read most. Cooperative ones save where their stages are many, as these are loaded in step. Measured on an H200.
constexpr double kBandSaving = 0.018;
constexpr double kBandModel = 2048;               // of d_model; beyond, less
constexpr double kBandLoss = 1.2e-5;              // by so much for each
constexpr double kMostBandLoss = 0.02;            // but no more than that is lost
constexpr double kBandSavingSwapped = 0.015;      // besides
constexpr double kBandSavingCooperative = 0.036;  // at twice kBandModel and beyond, at kBandModel none

double band_saving(const KernelConfig& config, const ProductSizes& sizes, const DeviceSpec& spec) {
  if (!walks_bands(config, static_cast<unsigned>(spec.multiprocessors))) {
    return 0;
  }
  if (!is_ping_pong(config.tile)) {
    return kBandSavingCooperative * std::clamp((sizes.depth - kBandModel) / kBandModel, 0.0, 1.0);
  }
  return std::clamp(kBandSaving - (sizes.depth - kBandModel) * kBandLoss, -kMostBandLoss, kBandSaving) +
         (is_swapped(config.tile) ? kBandSavingSwapped : 0);
}

// Elements from one row in memory to the next, where rows are dense.
struct Pitches {
  int a;
  int b;
};
Pitches pitches(const Problem& problem) {
  const int model = problem.d_model;
  const int intermediate = problem.d_intermediate;
  if (is_dw(problem.pass)) {
    return {model, intermediate};
  }
  return {is_dx(problem.pass) ? intermediate : model, problem.layout == Layout::kn ? intermediate : model};
}

// Of 128 bytes, that a row of a box lies in.
int lines(int pitch) { return pitch % kSwizzledElements == 0 ? 1 : 2; }

}  // namespace

double slow_share(const DeviceSpec& spec) {
  constexpr double kSlowMemory = 3.352e12;  // bytes a second, an H100's
  constexpr double kFastMemory = 4.8e12;    // an H200's
  return std::clamp((kFastMemory - spec.memory_bytes_per_second) / (kFastMemory - kSlowMemory), 0.0, 1.0);
}

double stage_load_clocks(const KernelConfig& config, double rows) {
  const Pitches pitch = pitches(config.problem);
  const double loaded = lines(pitch.a) * rows + lines(pitch.b) * 2.0 * stored_columns(config);
  return loaded * config.tile.k * kElementBytes / kLoadedBytesPerClock;
}

double all_load_clocks(const KernelConfig& config, const ProductSizes& sizes, std::int64_t m, const DeviceSpec& spec) {
  const auto clocks = [&](double bytes, int pitch) {
    return bytes / spec.multiprocessors / (lines(pitch) == 1 ? kLoadedBytesPerClock : kStraddlingBytesPerClock);
  };
  const Pitches pitch = pitches(config.problem);
  const double deep = sizes.depth * static_cast<double>(sizes.splits) * kElementBytes;
  const double columns = static_cast<double>(tiles_n(config));
  const double rows = static_cast<double>(tiles_m(config, m));
  return clocks(columns * sizes.rows * deep, pitch.a) +
         clocks(rows * columns * 2.0 * stored_columns(config) * deep, pitch.b);
}

double raster_factor(const KernelConfig& config, const ProductSizes& sizes, const DeviceSpec& spec) {
  const Tile& tile = config.tile;
  const Pass pass = config.problem.pass;
  const double bytes_per_clock = (tile.m + 2.0 * tile.n) * kElementBytes * kFlopsPerClock / (4.0 * tile.m * tile.n);
  double factor = 1 + drift_loss(config, sizes.rows, bytes_per_clock, spec);
  if (pass == Pass::recompute && is_ping_pong(tile)) {
    factor += kDeepRecompute * slow_share(spec) * std::clamp((sizes.depth - 2048) / 1024, 0.0, 1.0);
  }
  const double rows = static_cast<double>(tile.group_m) * tile.m;
  if (rows >= sizes.rows) {
    return factor;
  }
  if (is_forward(pass) || pass == Pass::recompute) {
    factor -= band_saving(config, sizes, spec);
    const double columns = 2.0 * tile.n * spec.multiprocessors / tile.group_m;
    const double bytes = (rows + columns) * sizes.depth * kElementBytes;
    factor += std::clamp((bytes - kKeptBytes) * kEvictedLoss, 0.0, kMostEvictedLoss);
  }
  double loss = pass == Pass::recompute && is_ping_pong(tile) ? recompute_loss(config.problem, rows, spec) : 0.0;
  if (is_ping_pong(tile) && bytes_per_clock > kHungryBytesPerClock) {
    const GroupRows wanted = group_rows(pass);
    loss += wanted.tall * std::max(0.0, std::log2(rows / wanted.most)) +
            kShortGroup * std::max(0.0, std::log2(wanted.least / rows));
  }
  factor += std::min(1.0, sizes.depth / kGroupDepth) * loss;
  return factor;
}

}  // namespace swiglu
