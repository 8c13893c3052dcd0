// The vocabulary of the library: a problem, a tile, the kernel configuration made of them, and what follows from one:
// threads, shared memory, grid, and whether it is valid at all.
//
// Shared by the host (space, estimate, stores, launch) and by every kernel template, so that a byte count or a rule
// about tiles exists once. No includes: read by g++, clang, nvcc and NVRTC alike. Everything is constexpr and without
// state.
#pragma once

#if defined(__CUDACC__)
#define SWIGLU_HD __host__ __device__
#else
#define SWIGLU_HD
#endif

namespace swiglu {

enum class DType : int { bf16, f16 };
enum class Accum : int { f32, f16, f16_promoted };  // f16_promoted: f16 within kPromotionK products, then added to f32
enum class Layout : int { kn, nk };                 // weights [d_model, d_intermediate] or [d_intermediate, d_model]
enum class Pass : int { forward, forward_store };   // forward_store also writes the pre-activations g and u
enum class Family : int { simt, mma_sm80 };

inline constexpr int kElementBytes = 2;  // bf16 and f16
inline constexpr int kPromotionK = 64;   // products summed in f16 before Accum::f16_promoted adds them to f32

// What a kernel is generated for. m stays a launch argument.
struct Problem {
  DType dtype;
  Accum accum;
  Layout layout;
  Pass pass;
  int d_model;
  int d_intermediate;
  int access_bytes;  // every row of x, Wg, Wu, out, g, u starts at a multiple of this: 16, 8, 4 or 2

  bool operator==(const Problem&) const = default;
};

// One CTA computes m rows by n columns of `out`, hence n columns of gate AND n of up.
struct Tile {
  int m;
  int n;
  int k;        // depth of one pipeline stage
  int stages;   // stages in shared memory
  int warps_m;  // warps along m and n: each computes (m / warps_m) x (n / warps_n) of both halves
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
inline constexpr int kMaxTileRegisters = 200;                    // sums and fragments of a thread, which has 255 in all
inline constexpr int kOtherRegisters = 56;                       // addresses, bounds and temporaries beside them

SWIGLU_HD constexpr int threads(const KernelConfig& config) {
  return config.tile.warps_m * config.tile.warps_n * kWarpThreads;
}

// Of one stage: the tiles of x, Wg and Wu, in elements.
SWIGLU_HD constexpr int stage_elements(const KernelConfig& config) {
  const Tile& tile = config.tile;
  if (config.family == Family::simt) {
    return tile.m * (tile.k + kSimtPad) + 2 * tile.k * (tile.n + kSimtPad);
  }
  return (tile.m + 2 * tile.n) * tile.k;
}

// Of an output tile on its way to wide stores; it takes the place of the stages after the main loop.
SWIGLU_HD constexpr int staging_elements(const KernelConfig& config) {
  return config.family == Family::simt ? 0 : config.tile.m * (config.tile.n + kStagingPad);
}

// Dynamic shared memory of a block.
SWIGLU_HD constexpr int shared_bytes(const KernelConfig& config) {
  const int ring = config.tile.stages * stage_elements(config);
  const int staging = staging_elements(config);
  return (ring > staging ? ring : staging) * kElementBytes;
}

// Registers a thread holds sums in: both halves.
SWIGLU_HD constexpr int accumulator_registers(const KernelConfig& config) {
  const int sums = 2 * config.tile.m * config.tile.n / threads(config);
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

// Registers a thread holds mma operands in: a step's, twice (fragments.cuh). Each block of 16 rows takes 4, each block
// of 8 columns 2 for either half.
SWIGLU_HD constexpr int fragment_registers(const KernelConfig& config) {
  const Tile& tile = config.tile;
  return config.family == Family::simt ? 0 : 2 * (tile.m / tile.warps_m / 16 * 4 + tile.n / tile.warps_n / 8 * 4);
}

// Blocks that shall fit the 65536 registers of a multiprocessor, so that one computes while another starts or stores:
// the second argument of __launch_bounds__.
SWIGLU_HD constexpr int min_blocks(const KernelConfig& config) {
  const int registers = accumulator_registers(config) + fragment_registers(config) + kOtherRegisters;
  return 2 * threads(config) * registers <= 65536 ? 2 : 1;
}

SWIGLU_HD constexpr long long ceil_div(long long value, long long divisor) { return (value + divisor - 1) / divisor; }

SWIGLU_HD constexpr long long tiles_m(const KernelConfig& config, long long m) { return ceil_div(m, config.tile.m); }

SWIGLU_HD constexpr int tiles_n(const KernelConfig& config) {
  return static_cast<int>(ceil_div(config.problem.d_intermediate, config.tile.n));
}

// Blocks of the one-dimensional grid; a launch takes at most 2^31 - 1.
SWIGLU_HD constexpr long long grid_blocks(const KernelConfig& config, long long m) {
  return tiles_m(config, m) * tiles_n(config);
}

SWIGLU_HD constexpr bool is_power_of_two(int value) { return value > 0 && (value & (value - 1)) == 0; }

SWIGLU_HD constexpr const char* why_invalid(const Problem& problem) {
  if (problem.d_model < 1 || problem.d_intermediate < 1) {
    return "d_model and d_intermediate must be at least 1";
  }
  if (problem.access_bytes > 16 || problem.access_bytes < 2 || !is_power_of_two(problem.access_bytes)) {
    return "access_bytes must be 16, 8, 4 or 2";
  }
  if (problem.dtype == DType::bf16 && problem.accum != Accum::f32) {
    return "bf16 has no f16 accumulators";
  }
  return nullptr;
}

SWIGLU_HD constexpr const char* why_invalid_simt(const KernelConfig& config) {
  const Tile& tile = config.tile;
  if (threads(config) != kSimtThreadsM * kSimtThreadsN) {
    return "simt has 256 threads";
  }
  if (tile.m % kSimtThreadsM != 0 || tile.n % kSimtThreadsN != 0) {
    return "simt tiles are multiples of 16 x 16";
  }
  if (kPromotionK % tile.k != 0) {
    return "the k of a simt tile divides 64";
  }
  if (tile.stages != 1) {
    return "simt has one stage";
  }
  return nullptr;
}

SWIGLU_HD constexpr const char* why_invalid_mma_sm80(const KernelConfig& config) {
  const Tile& tile = config.tile;
  const int chunk_elements = kChunkBytes / kElementBytes;
  if (threads(config) > 512) {
    return "a block has at most 512 threads";
  }
  if (tile.m % (tile.warps_m * 16) != 0) {
    return "rows of a warp must be a multiple of 16";
  }
  if (tile.n % (tile.warps_n * 16) != 0) {
    return "columns of a warp must be a multiple of 16";
  }
  if (!is_power_of_two(tile.k) || tile.k < 32 || tile.k > 128) {
    return "k must be 32, 64 or 128";
  }
  if (!is_power_of_two(tile.n) || tile.n < 32 || tile.n > 256) {
    return "n must be 32, 64, 128 or 256";
  }
  if (tile.stages < 2) {
    return "the ring needs at least 2 stages";
  }
  if (threads(config) % (tile.n / chunk_elements) != 0 || threads(config) % (tile.k / chunk_elements) != 0) {
    return "threads must divide evenly over the chunks of a row";
  }
  const int registers = accumulator_registers(config) + fragment_registers(config);
  if (registers > kMaxTileRegisters) {
    return "sums and fragments would not fit the registers of a thread";
  }
  if (threads(config) * (registers + kOtherRegisters) > 65536) {
    return "sums and fragments would not fit the registers of a multiprocessor";
  }
  return nullptr;
}

// Why no kernel can be made of a configuration, or nullptr. Whether its shared memory fits a device is tune/space's to
// say.
SWIGLU_HD constexpr const char* why_invalid(const KernelConfig& config) {
  const Tile& tile = config.tile;
  if (const char* reason = why_invalid(config.problem)) {
    return reason;
  }
  if (tile.m < 1 || tile.n < 1 || tile.k < 1 || tile.stages < 1 || tile.warps_m < 1 || tile.warps_n < 1 ||
      tile.group_m < 1) {
    return "every extent of a tile must be at least 1";
  }
  if (tile.m > 1024 || tile.n > 1024 || tile.k > 1024 || tile.stages > 64 || tile.warps_m > 32 || tile.warps_n > 32 ||
      tile.group_m > 16) {
    return "an extent of the tile is out of all proportion";  // and would overflow what is computed below
  }
  switch (config.family) {
    case Family::simt:
      return why_invalid_simt(config);
    case Family::mma_sm80:
      return why_invalid_mma_sm80(config);
  }
  return "unknown family";
}

}  // namespace swiglu
