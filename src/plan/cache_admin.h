// Administration of the stores of compiled kernels, as reports. Thread-safe.
#pragma once

#include <cstdint>

#include "plan/compile_ahead.h"

namespace swiglu {

// The user's directory of compiled kernels. Throws Error{IO_ERROR} where there is none, saying why.
std::string cache_directory();

// The same; throws as well where kernels cannot be written to it.
std::string writable_cache_directory();

void list_cache(const Report& report);

// Throws Error{IO_ERROR} after the last report if any entry has a problem.
void verify_cache(const Report& report);

struct PruneResult {
  std::uint64_t removed_bytes;
  std::uint64_t remaining_bytes;
};
PruneResult prune_cache(std::uint64_t max_bytes);

}  // namespace swiglu
