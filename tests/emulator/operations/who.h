// How findings of operations begin.
#pragma once

#include <fmt/core.h>

#include <string>

#include "engine/block.h"

namespace swiglu::emulator {

inline std::string who(const Block& block, const char* operation, const Location& where) {
  return fmt::format("{}: {}: {} at {}", block.name(), thread_text(block.thread()), operation, to_text(where));
}

// Ends the launch unless the shared address is a multiple of `alignment`.
inline void check_shared_alignment(Block& block, unsigned address, unsigned alignment, const char* operation,
                                   const Location& where) {
  if (address % alignment != 0) {
    block.stop(Fault::alignment, operation + to_text(where),
               fmt::format("{}: the shared address {:#x} is no multiple of {}", who(block, operation, where), address,
                           alignment));
  }
}

}  // namespace swiglu::emulator
