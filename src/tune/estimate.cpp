#include "tune/estimate.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include <fmt/core.h>

#include "tune/estimate_wgmma.h"
#include "tune/product_sizes.h"
#include "tune/space.h"
#include "tune/split.h"

namespace swiglu {
namespace {

// Of one multiprocessor, rough for every card since sm_75.
constexpr double kClock = 1.6e9;
constexpr double kSharedBytesPerSecond = 150 * kClock;
constexpr double kL2BytesPerSecond = 56 * kClock;  // its share of the L2's bandwidth
constexpr double kCopiesPerSecond = 2.5 * kClock;  // asynchronous copies of access_bytes each, address work included
constexpr double kSimtFlopsPerSecond = 2 * 128 * kClock * 0.35;  // f32 units; the rest goes to loads and conversions
constexpr double kMemoryLatencySeconds = 1.3e-6;
constexpr double kStepSeconds = 5e-9;  // the barrier at the end of a k step, as far as nothing hides it
constexpr double kLaunchSeconds = 2e-6;
constexpr double kUnhidden = 0.03;       // of what copies, products and shared memory should do in each other's shadow
constexpr double kMemoryShare = 0.92;    // of the memory's peak, by rows of kLongRowBytes; shorter ones reach
constexpr double kShortShare = 0.86;     // less
constexpr int kLongRowBytes = 256;       // of a weight tile
constexpr double kBesideMemory = 0.05;   // see unhidden_share()
constexpr double kProductsPower = 0.07;  // of the products' time, in power, beside the memory's
constexpr double kQueuedSeconds = 3.5e-6;  // that what is asked for may take at the memory's rate, and bytes that a
constexpr double kQueuedBytes = 100e3;     // multiprocessor may ask for, before pages are no longer read in one go:
constexpr double kQueueLoss = 0.036e6;     // a loss for each second more
constexpr int kMaxThreads = 1536;
constexpr int kReservedSharedBytes = 1024;  // the driver's own, per block
constexpr int kFragmentRegisters = 64;      // of a thread, besides its sums
constexpr int kMaxRegisters = 255;
constexpr int kBusyWarps = 4;  // with this many, a multiprocessor's tensor cores are fed without gaps

int blocks_per_multiprocessor(const KernelConfig& config, const DeviceSpec& spec) {
  const int registers = std::min(kMaxRegisters, accumulator_registers(config) + kFragmentRegisters) * threads(config);
  const int by_shared = spec.shared_bytes_per_multiprocessor / (shared_bytes(config) + kReservedSharedBytes);
  return std::max(1,
                  std::min({by_shared, spec.registers_per_multiprocessor / registers, kMaxThreads / threads(config)}));
}

// Of the tensor cores' rate. With many f32 sums no registers are left for f16 sums that wait to be added: products
// wait, in steps of half a chunk twice as often.
double promoted_share(const KernelConfig& config) {
  constexpr int kManyRegisters = 144;
  if (config.problem.accum != Accum::f16_promoted) {
    return 1;
  }
  if (accumulator_registers(config) < kManyRegisters) {
    return 0.95;
  }
  return config.tile.k < kPromotionK ? 0.53 : 0.8;
}

// Tensor-core rate of one multiprocessor that holds this many blocks. Too few warps leave gaps between their
// instructions.
double flops_per_second(const KernelConfig& config, int blocks, const DeviceSpec& spec) {
  if (config.family == Family::simt) {
    return kSimtFlopsPerSecond;
  }
  const bool f16 = config.problem.accum != Accum::f32;
  const double rate = (f16 ? spec.dense_flops_per_second_f16 : spec.dense_flops_per_second) / spec.multiprocessors;
  const int warps = blocks * threads(config) / kWarpThreads;
  const double fed = std::min(1.0, std::sqrt(static_cast<double>(warps) / kBusyWarps));
  return rate * fed * promoted_share(config);
}

// Bytes that go through shared memory in one k step of one block: written once; of x every column of warps reads all,
// of the weights every row of warps.
double shared_traffic(const KernelConfig& config) {
  const Tile& tile = config.tile;
  const int x_reads = config.family == Family::simt ? kSimtThreadsN / 2 : tile.warps_n;
  const int w_reads = config.family == Family::simt ? kSimtThreadsM / 2 : tile.warps_m;
  const double elements = static_cast<double>(tile.m) * (1 + x_reads) + 2.0 * tile.n * (1 + w_reads);
  return elements * tile.k * kElementBytes;
}

enum class Limit { tensor, shared, copies, latency };

const char* name_of(Limit limit, Family family) {
  switch (limit) {
    case Limit::tensor:
      return family == Family::simt ? "arithmetic" : "tensor cores";
    case Limit::shared:
      return "shared memory";
    case Limit::copies:
      return "copies into shared memory";
    case Limit::latency:
      return "memory latency";
  }
  return "";
}

struct Wave {
  double seconds;
  Limit limit;
};

// One multiprocessor computing `blocks` tiles at a time, from their first load to their last store. Rows beyond the
// last are computed but not loaded.
Wave wave(const KernelConfig& config, const ProductSizes& sizes, int blocks, const DeviceSpec& spec) {
  const Tile& tile = config.tile;
  const double rows = std::min<double>(sizes.rows, tile.m);
  const double loaded = (rows + 2.0 * tile.n) * tile.k * kElementBytes;
  const double copy_rate = std::min(kL2BytesPerSecond, kCopiesPerSecond * config.problem.access_bytes);
  // A ring of s stages has s - 1 steps in flight; simt, with its one stage, waits for each.
  const double latency = kMemoryLatencySeconds / std::max(1, tile.stages - 1);
  const double step_seconds[] = {
      blocks * 4.0 * tile.m * tile.n * tile.k / flops_per_second(config, blocks, spec),
      blocks * shared_traffic(config) / kSharedBytesPerSecond,
      blocks * loaded / copy_rate,
      latency,
  };
  const double* longest = std::max_element(std::begin(step_seconds), std::end(step_seconds));
  const double all = std::accumulate(std::begin(step_seconds), std::end(step_seconds), 0.0);
  const double step = *longest + kUnhidden * (all - *longest) + kStepSeconds;
  const double moved = blocks * rows * tile.n * (sizes.element_bytes + sizes.element_reads * kElementBytes);
  return {kMemoryLatencySeconds + static_cast<double>(sizes.steps) * step + moved / copy_rate,
          static_cast<Limit>(longest - std::begin(step_seconds))};
}

// What must come from memory: `resident` blocks walk group_m tiles of A and the columns beside them, and share their
// reads.
double memory_bytes(const KernelConfig& config, const ProductSizes& sizes, std::int64_t m, double resident) {
  const auto splits = static_cast<double>(sizes.splits);
  const double once = (sizes.rows + sizes.b_matrices * sizes.columns) * sizes.depth * splits;
  const double blocks = static_cast<double>(tiles(config, m)) * splits;
  const double together = std::min(blocks, resident);
  const double rows =
      std::min({static_cast<double>(config.tile.group_m), static_cast<double>(tiles_m(config, m)), together});
  const double columns = together / rows;
  const double again = blocks / together * (rows * config.tile.m + columns * 2 * config.tile.n) * sizes.depth;
  return kElementBytes * std::max(once, again) + result_bytes(sizes);
}

// Of the shorter of computing and reading memory, what the longer does not hide. A block that puts its tile out
// computes nothing: where results are most of the bytes little is hidden.
double unhidden_share(double results, double bytes) {
  return kBesideMemory + (1 - kBesideMemory) * std::max(0.0, 2 * results / bytes - 1);
}

// Of all tiles, rows beyond the last included.
double products_seconds(const KernelConfig& config, const ProductSizes& sizes, std::int64_t m, int resident,
                        const DeviceSpec& spec) {
  const double rows = static_cast<double>(tiles_m(config, m)) * config.tile.m;
  return product_flops(sizes, rows) / (flops_per_second(config, resident, spec) * spec.multiprocessors);
}

// The bytes of all matrices once, at what a copy reaches.
double streaming_seconds(double bytes, int access_bytes, const DeviceSpec& spec) {
  constexpr double kReached = 0.85;                         // of the memory's peak
  const double access = std::min(1.0, access_bytes / 8.0);  // narrower ones cost instructions
  return kLaunchSeconds + bytes / (spec.memory_bytes_per_second * kReached * access);
}

double streamed_bytes(const Problem& problem, std::int64_t m, const DeviceSpec& spec) {
  if (is_copy(problem.pass)) {
    double elements = 0;
    for (int matrix = 0; matrix < kCopied; ++matrix) {
      elements += static_cast<double>(copied_rows(problem, matrix, m)) * copied_columns(problem, matrix);
    }
    return 2.0 * kElementBytes * elements;
  }
  const double elements =
      static_cast<double>(streamed_rows(problem, m)) * kStreamedElements * streamed_row_chunks(problem);
  if (problem.pass == Pass::dw_sum) {
    const auto splits = split_tokens(problem, 2, m, spec.multiprocessors).splits;
    return elements * (4.0 * static_cast<double>(splits) + gradient_bytes(problem));
  }
  return elements * 5.0 * kElementBytes;
}

Estimate estimate_streaming(const KernelConfig& config, std::int64_t m, const DeviceSpec& spec) {
  const double seconds = streaming_seconds(streamed_bytes(config.problem, m, spec), config.problem.access_bytes, spec);
  return {seconds,
          fmt::format("estimated {:.4g} us: {} blocks, limited by memory bandwidth", seconds * 1e6, tiles(config, m))};
}

// Of the memory's peak rate.
double memory_share(const KernelConfig& config, const ProductSizes& sizes, double resident, const DeviceSpec& spec) {
  const Tile& tile = config.tile;
  const int row = product(config.problem).b == Major::mn ? tile.n : tile.k;
  const double stage = (std::min<double>(sizes.rows, tile.m) + 2.0 * tile.n) * tile.k * kElementBytes;
  const double asked = resident * (tile.stages - 1) * stage;  // by a multiprocessor
  const double queued = std::max(
      0.0, asked - std::max(kQueuedBytes, kQueuedSeconds * spec.memory_bytes_per_second / spec.multiprocessors));
  const double share = row * kElementBytes >= kLongRowBytes ? kMemoryShare : kShortShare;
  return share / (1 + kQueueLoss * queued * spec.multiprocessors / spec.memory_bytes_per_second);
}

}  // namespace

Estimate estimate(const KernelConfig& config, std::int64_t m, const DeviceSpec& spec) {
  if (config.family == Family::wgmma_sm90) {
    return estimate_wgmma(config, m, spec);
  }
  if (config.family == Family::streaming) {
    return estimate_streaming(config, m, spec);
  }
  const ProductSizes sizes = product_sizes(config, m, spec);
  const int resident = blocks_per_multiprocessor(config, spec);
  const long long blocks = tiles(config, m) * sizes.splits;
  const long long at_once = static_cast<long long>(resident) * spec.multiprocessors;
  const long long full_waves = blocks / at_once;
  const long long rest = blocks % at_once;
  const Wave full = wave(config, sizes, resident, spec);
  double seconds = static_cast<double>(full_waves) * full.seconds;
  Limit limit = full.limit;
  if (rest > 0) {
    const Wave last = wave(config, sizes, static_cast<int>(ceil_div(rest, spec.multiprocessors)), spec);
    seconds += last.seconds;
    limit = full_waves > 0 ? limit : last.limit;
  }
  const double bytes = memory_bytes(config, sizes, m, static_cast<double>(at_once));
  const double memory_seconds =
      bytes /
      (spec.memory_bytes_per_second *
       memory_share(config, sizes, static_cast<double>(std::min(blocks, at_once)) / spec.multiprocessors, spec));
  const bool memory_bound = memory_seconds > seconds;
  seconds = kLaunchSeconds + std::max(seconds, memory_seconds) +
            unhidden_share(result_bytes(sizes), bytes) * std::min(seconds, memory_seconds) +
            kProductsPower * std::min(products_seconds(config, sizes, m, resident, spec), memory_seconds);
  return {seconds, fmt::format("estimated {:.4g} us: {} tiles, {} x {} at a time, limited by {}", seconds * 1e6, blocks,
                               spec.multiprocessors, resident,
                               memory_bound ? "memory bandwidth" : name_of(limit, config.family))};
}

double copy_seconds(double elements, int access_bytes, const DeviceSpec& spec) {
  return streaming_seconds(2 * elements * kElementBytes, access_bytes, spec);
}

std::vector<Choice> rank(const Problem& problem, std::int64_t m, const Arch& arch, const DeviceSpec& spec) {
  std::vector<Choice> choices;
  for (const KernelConfig& config : candidates(problem, arch, spec)) {
    choices.push_back({config, estimate(config, m, spec)});
  }
  std::stable_sort(choices.begin(), choices.end(),
                   [](const Choice& a, const Choice& b) { return a.estimate.seconds < b.estimate.seconds; });
  return choices;
}

Choice choose(const Problem& problem, std::int64_t m, const Arch& arch, const DeviceSpec& spec) {
  return rank(problem, m, arch, spec).front();
}

}  // namespace swiglu
