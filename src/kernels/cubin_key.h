// The key of a cubin: every byte that decides it, as text. Two cubins that may differ have different keys. No state.
#pragma once

#include <string>
#include <vector>

#include "base/digest.h"

namespace swiglu {

inline constexpr int kCubinKeySchema = 1;  // a change of what a key or an entry means takes the next number

struct CubinIngredients {
  int schema = kCubinKeySchema;
  std::string config;                // spelling of the KernelConfig
  std::string arch;                  // "sm_90a"
  std::string source;                // the generated unit
  Digest templates{};                // of every template's name and text
  std::vector<std::string> options;  // the compiler's, in order, without the architecture
  std::string compiler;              // which build of NVRTC
  int shared_bytes = 0;              // of a launch: kept with the cubin, and decided by the host
};

// Lines "name=value\n", schema first and then sorted by name; an option a line, numbered. Newlines and backslashes in
// values are escaped, so that different ingredients never make one text.
std::string print_key(const CubinIngredients&);

}  // namespace swiglu
