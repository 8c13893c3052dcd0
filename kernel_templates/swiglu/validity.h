// Of which configurations a kernel can be made: the rules about tiles, as the kernels static_assert and the host checks
// them. Why one is none, in words; whether its shared memory fits a device is tune/space's to say.
//
// Shared by the host and by every kernel template, as swiglu/config.h. Everything is constexpr and without state.
#pragma once

#include "swiglu/config.h"

namespace swiglu {

inline constexpr int kMaxTileRegisters = 200;       // sums and fragments of a thread, which has 255 in all
inline constexpr int kMaxBesideNarrowCopies = 192;  // the same, where a backward product copies by 2 bytes
inline constexpr int kMostWithoutProducer = 224;    // of sums, where a thread has 255 registers in all; none promoted
inline constexpr int kMostBesideGradients = 200;    // of sums, where dg and du are computed beside them
inline constexpr int kMostBoxRows = 256;            // that a tensor map can have

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
  if (is_dx(problem.pass) && problem.accum == Accum::f16) {
    return "f16 sums of dx are promoted";
  }
  if ((is_dw(problem.pass) || !is_product(problem.pass)) && problem.accum != Accum::f32) {
    return "sums over tokens, and what is computed element by element, are f32";
  }
  if (problem.gradient != Gradient::element && !is_dw(problem.pass) && problem.pass != Pass::dw_sum) {
    return "only gradients of the weights are stored in f32";
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
  if (product(config.problem).a == Major::mn) {
    if (!is_power_of_two(tile.m)) {
      return "m must be a power of two where the rows of A are contiguous";
    }
    if (threads(config) % (tile.m / chunk_elements) != 0) {
      return "threads must divide evenly over the chunks of a row";
    }
  }
  if (threads(config) % (tile.n / chunk_elements) != 0 || threads(config) % (tile.k / chunk_elements) != 0) {
    return "threads must divide evenly over the chunks of a row";
  }
  const int registers = accumulator_registers(config) + fragment_registers(config);
  if (registers > kMaxTileRegisters) {
    return "sums and fragments would not fit the registers of a thread";
  }
  if (!is_forward(config.problem.pass) && config.problem.access_bytes == 2 && registers > kMaxBesideNarrowCopies) {
    return "sums and fragments leave too few registers for copies of 2 bytes";
  }
  if (threads(config) * (registers + kOtherRegisters) > 65536) {
    return "sums and fragments would not fit the registers of a multiprocessor";
  }
  return nullptr;
}

SWIGLU_HD constexpr const char* why_invalid_wgmma_sm90(const KernelConfig& config) {
  const Tile& tile = config.tile;
  const int warps = tile.warps_m * tile.warps_n;
  const bool swapped = is_swapped(tile);
  const Product multiplied = product(config.problem);
  if (config.problem.access_bytes != 16) {
    return "tensor maps need rows at multiples of 16 bytes";
  }
  if ((tile.warps_m != 1 && tile.warps_n != 1) || (warps != kWarpgroupWarps && warps != 2 * kWarpgroupWarps)) {
    return "a tile is one or two warpgroups' in a row";
  }
  if (tile.k != kSwizzledElements) {
    return "k must be 64";
  }
  if (tile.stages < 2) {
    return "the ring needs at least 2 stages";
  }
  if (swapped ? tile.n != tile.warps_n * 16 : tile.m % (tile.warps_m * 16) != 0) {
    return "rows of operand A must be 64, or x's a multiple of that, for each warpgroup";
  }
  const int columns = swapped ? tile.m : has_halves_apart(config) ? tile.n : 2 * tile.n;
  if (columns % (config.problem.accum == Accum::f32 ? 8 : 16) != 0 || columns > kMostWgmmaColumns) {
    return "columns of operand B must be a multiple of 8, for f16 sums of 16, up to 256";
  }
  if (stored_columns(config) != tile.n && (!is_forward(config.problem.pass) || is_ping_pong(tile))) {
    return "n must be a multiple of 64 where the columns of B are contiguous, but in cooperative forward tiles";
  }
  if (4 * tile.n < 3 * stored_columns(config)) {
    return "of what is loaded of B at least three quarters must be used";
  }
  if (multiplied.a == Major::mn && tile.m % kSwizzledElements != 0) {
    return "m must be a multiple of 64 where the rows of A are contiguous";
  }
  if (a_box(config).rows > kMostBoxRows || b_box(config).rows > kMostBoxRows) {
    return "a box of a tensor map has at most 256 rows";
  }
  if (has_gradients_ahead(config.problem.pass)) {
    if (accumulator_registers(config) > kMostBesideGradients) {
      return "sums would leave too few registers to compute dg and du beside them";
    }
    if (ahead_slots(config) < 2) {
      return "no shared memory is left for what dg and du are computed from";
    }
    if (tile.m < kFewestCountedRows) {
      return "tiles would be too many to count";
    }
  }
  const int waiting = config.problem.pass == Pass::recompute ? staged_sums(config) / 4 : 0;  // du, two to a register
  // Consumers can load for themselves where they finish each stage before the next, and all tiles are as deep.
  const bool can_load =
      is_forward(config.problem.pass) && !is_ping_pong(tile) && config.problem.accum != Accum::f16_promoted;
  if (accumulator_registers(config) + waiting > (can_load ? kMostWithoutProducer : kMostBesideProducer)) {
    return "sums would not fit the registers of a thread";
  }
  return nullptr;
}

SWIGLU_HD constexpr const char* why_invalid_streaming(const KernelConfig& config) {
  const Tile& tile = config.tile;
  if (tile.m != 1 || tile.k != 1 || tile.stages != 1 || tile.group_m != 1) {
    return "a streaming tile has n elements, and 1 of everything else";
  }
  if (tile.n != threads(config) * kStreamedElements) {
    return "a thread of a streaming kernel takes 8 elements";
  }
  return nullptr;
}

// Why no kernel can be made of a configuration, or nullptr.
SWIGLU_HD constexpr const char* why_invalid(const KernelConfig& config) {
  const Tile& tile = config.tile;
  if (const char* reason = why_invalid(config.problem)) {
    return reason;
  }
  if (tile.m < 1 || tile.n < 1 || tile.k < 1 || tile.stages < 1 || tile.warps_m < 1 || tile.warps_n < 1 ||
      tile.group_m < 1) {
    return "every extent of a tile must be at least 1";
  }
  if (tile.m > 1024 || tile.n > 4096 || tile.k > 1024 || tile.stages > 64 || tile.warps_m > 32 || tile.warps_n > 32 ||
      tile.group_m > 16) {
    return "an extent of the tile is out of all proportion";  // and would overflow what is computed below
  }
  if (has_gradients_ahead(config.problem.pass) && config.family != Family::wgmma_sm90) {
    return "only family wgmma_sm90 has warps to spare for dg and du";
  }
  if ((config.family == Family::streaming) == is_product(config.problem.pass)) {
    return "family streaming serves the passes that multiply nothing, and no other does";
  }
  switch (config.family) {
    case Family::streaming:
      return why_invalid_streaming(config);
    case Family::simt:
      return why_invalid_simt(config);
    case Family::mma_sm80:
      return why_invalid_mma_sm80(config);
    case Family::wgmma_sm90:
      return why_invalid_wgmma_sm90(config);
  }
  return "unknown family";
}

}  // namespace swiglu
