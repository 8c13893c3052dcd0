// The table of architectures. Limits are those of the CUDA programming guide's table of technical specifications per
// compute capability; a real device's come from the driver. Rates are a representative card's data sheet at its usual
// clock, and guesses of what mma.sync reaches where the data sheet counts other instructions (9.0, 10.x, 11.0). They
// rank tiles; they promise nothing.
#include "base/arch.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <utility>

#include "base/error.h"

namespace swiglu {
namespace {

struct Row {
  const char* name;
  const char* portable_name;  // without the feature suffix: loads on later minors of the same major too
  int compute_capability;
  Family best;  // served by it and, in that order, by those before it in the enumeration
  int shared_kilobytes_per_block;
  int shared_kilobytes_per_multiprocessor;
  const char* card;
  int multiprocessors;
  double gigabytes_per_second;
  double teraflops;      // 16-bit inputs, f32 accumulators
  double teraflops_f16;  // f16 accumulators
};

// sm_75 has neither cp.async nor m16n8k16 nor bf16 tensor cores: simt serves it, correct and slow.
constexpr std::array kRows = {
    Row{"sm_75", "sm_75", 75, Family::simt, 64, 64, "Tesla T4", 40, 320, 65, 65},
    Row{"sm_80", "sm_80", 80, Family::mma_sm80, 163, 164, "A100 SXM 80GB", 108, 2039, 312, 312},
    Row{"sm_86", "sm_86", 86, Family::mma_sm80, 99, 100, "GeForce RTX 3090", 82, 936, 71, 142},
    Row{"sm_87", "sm_87", 87, Family::mma_sm80, 163, 164, "Jetson AGX Orin", 16, 204.8, 42, 42},
    Row{"sm_89", "sm_89", 89, Family::mma_sm80, 99, 100, "GeForce RTX 4090", 128, 1008, 165, 330},
    Row{"sm_90a", "sm_90", 90, Family::wgmma_sm90, 227, 228, "H200", 132, 4800, 540, 540},
    Row{"sm_100a", "sm_100", 100, Family::mma_sm80, 227, 228, "B200", 148, 8000, 560, 560},
    Row{"sm_103a", "sm_103", 103, Family::mma_sm80, 227, 228, "B300", 148, 8000, 560, 560},
    Row{"sm_110a", "sm_110", 110, Family::mma_sm80, 227, 228, "Jetson AGX Thor", 20, 273, 64, 64},
    Row{"sm_120a", "sm_120", 120, Family::mma_sm80, 99, 100, "GeForce RTX 5090", 170, 1792, 209, 419},
    Row{"sm_121a", "sm_121", 121, Family::mma_sm80, 99, 100, "GB10", 48, 273, 62, 125},
};

Arch make_arch(const Row& row) {
  DeviceSpec card{row.card,
                  row.compute_capability,
                  row.multiprocessors,
                  row.shared_kilobytes_per_block * 1024,
                  row.shared_kilobytes_per_multiprocessor * 1024,
                  65536,
                  row.gigabytes_per_second * 1e9,
                  row.teraflops * 1e12,
                  row.teraflops_f16 * 1e12};
  std::vector<Family> families;
  for (auto family = static_cast<int>(row.best); family >= 0; --family) {
    families.push_back(static_cast<Family>(family));
  }
  return {row.name, row.compute_capability, std::move(families), std::move(card)};
}

}  // namespace

const std::vector<Arch>& arch_table() {
  static const std::vector<Arch> table = [] {
    std::vector<Arch> archs;
    std::transform(kRows.begin(), kRows.end(), std::back_inserter(archs), make_arch);
    return archs;
  }();
  return table;
}

std::optional<Arch> find_arch(std::string_view name) {
  for (const Row& row : kRows) {
    if (name == row.name || name == row.portable_name) {
      return make_arch(row);
    }
  }
  return std::nullopt;
}

Arch known_arch(std::string_view name) {
  if (std::optional<Arch> arch = find_arch(name)) {
    return *std::move(arch);
  }
  std::string known;
  for (const Row& row : kRows) {
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  fail(SWIGLU_INVALID_ARGUMENT, "arch is \"{}\"; it must be one of {}", name, known);
}

std::optional<Arch> arch_for_compute_capability(int compute_capability) {
  const Row* best = nullptr;
  for (const Row& row : kRows) {
    if (row.compute_capability / 10 == compute_capability / 10 && row.compute_capability <= compute_capability) {
      best = &row;
    }
  }
  if (best == nullptr) {
    return std::nullopt;
  }
  Arch arch = make_arch(*best);
  if (best->compute_capability != compute_capability) {
    arch.name = best->portable_name;
    std::erase(arch.families, Family::wgmma_sm90);  // of the suffixed architecture alone
  }
  return arch;
}

}  // namespace swiglu
