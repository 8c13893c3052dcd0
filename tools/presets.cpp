// The table of presets: hidden_size and intermediate_size of each model's published configuration.
#include "tools/presets.h"

#include <algorithm>
#include <iterator>

namespace swiglu::tool {
namespace {

constexpr Preset kPresets[] = {
    {"llama-2-7b", 4096, 11008},  {"llama-2-13b", 5120, 13824},      {"llama-3-8b", 4096, 14336},
    {"llama-3-70b", 8192, 28672}, {"llama-3.2-1b", 2048, 8192},      {"llama-3.2-3b", 3072, 8192},
    {"mistral-7b", 4096, 14336},  {"mistral-nemo-12b", 5120, 14336}, {"qwen2.5-7b", 3584, 18944},
    {"gemma-2-9b", 3584, 14336},
};

}  // namespace

std::span<const Preset> presets() { return kPresets; }

const Preset* find_preset(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kPresets), std::end(kPresets), [&](const Preset& preset) { return name == preset.name; });
  return found == std::end(kPresets) ? nullptr : found;
}

}  // namespace swiglu::tool
