#include "tune/space.h"

#include <fmt/core.h>

#include "base/error.h"
#include "base/spelling.h"
#include "swiglu/validity.h"
#include "tune/tile_table.h"

namespace swiglu {

std::span<const Tile> tile_table(Family family) {
  switch (family) {
    case Family::simt:
      return kSimtTiles;
    case Family::mma_sm80:
      return kMmaSm80Tiles;
    case Family::wgmma_sm90:
      return kWgmmaSm90Tiles;
    case Family::streaming:
      return kStreamingTiles;
  }
  return {};
}

std::string why_unfit(const KernelConfig& config, const DeviceSpec& spec) {
  if (const char* reason = why_invalid(config)) {
    return reason;
  }
  if (shared_bytes(config) > spec.shared_bytes_per_block) {
    return fmt::format("needs {} bytes of shared memory, {} has {}", shared_bytes(config), spec.name,
                       spec.shared_bytes_per_block);
  }
  return {};
}

std::vector<KernelConfig> candidates(const Problem& problem, const Arch& arch, const DeviceSpec& spec) {
  if (const char* reason = why_invalid(problem)) {
    fail(SWIGLU_INVALID_ARGUMENT, "no kernel for problem {}: {}", print(problem), reason);
  }
  std::vector<KernelConfig> fitting;
  const std::vector<Family> streaming = {Family::streaming};  // on every architecture
  for (const Family family : is_product(problem.pass) ? arch.families : streaming) {
    for (const Tile& tile : tile_table(family)) {
      const KernelConfig config{problem, family, tile};
      if (why_unfit(config, spec).empty()) {
        fitting.push_back(config);
      }
    }
  }
  return fitting;
}

std::optional<KernelConfig> first_of(Family family, const Problem& problem, const Arch& arch, const DeviceSpec& spec) {
  for (const KernelConfig& config : candidates(problem, arch, spec)) {
    if (config.family == family) {
      return config;
    }
  }
  return std::nullopt;
}

}  // namespace swiglu
