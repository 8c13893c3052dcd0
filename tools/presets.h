// Layer sizes of well-known models, so that nobody has to look them up.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace swiglu::tool {

struct Preset {
  const char* name;
  std::int64_t d_model;
  std::int64_t d_intermediate;
};

std::span<const Preset> presets();

const Preset* find_preset(std::string_view name);  // nullptr: there is none

}  // namespace swiglu::tool
