// Layer sizes of well-known models, so that nobody has to look them up.
#pragma once

#include <cstdint>
#include <span>

namespace swiglu::tool {

struct Preset {
  const char* name;
  std::int64_t d_model;
  std::int64_t d_intermediate;
};

std::span<const Preset> presets();

}  // namespace swiglu::tool
