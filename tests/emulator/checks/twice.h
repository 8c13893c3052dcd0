// The rows of a result that a kernel computes twice (has_full_last_row() in swiglu/grid.h).
#pragma once

#include <cstdint>

#include "engine/global_memory.h"
#include "swiglu/config.h"

namespace swiglu::emulator {

struct Rows {
  std::int64_t from;
  std::int64_t to;  // before here

  std::int64_t count() const { return to - from; }
};

inline Rows rows_written_twice(const KernelConfig& config, std::int64_t m) {
  if (!has_full_last_row(config) || m == 0) {
    return {0, 0};
  }
  const std::int64_t last = tiles_m(config, m) - 1;
  return {first_row(config, last, m), last * config.tile.m};
}

inline BufferShape with_rows_written_twice(BufferShape shape, const KernelConfig& config, std::int64_t m) {
  const Rows twice = rows_written_twice(config, m);
  shape.twice_from = static_cast<std::size_t>(twice.from);
  shape.twice_to = static_cast<std::size_t>(twice.to);
  return shape;
}

}  // namespace swiglu::emulator
