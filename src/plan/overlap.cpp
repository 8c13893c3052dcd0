#include "plan/overlap.h"

#include <algorithm>

namespace swiglu {
namespace {

std::int64_t end_of(const Region& region) { return region.start + (region.rows - 1) * region.pitch + region.row_bytes; }

// Rounds towards minus infinity; divisor > 0.
std::int64_t floor_div(std::int64_t value, std::int64_t divisor) {
  const std::int64_t quotient = value / divisor;
  return quotient - (value % divisor < 0 ? 1 : 0);
}

}  // namespace

bool may_overlap(const Region& a, const Region& b) {
  if (a.start >= end_of(b) || b.start >= end_of(a)) {
    return false;
  }
  if (a.pitch != b.pitch && a.rows > 1 && b.rows > 1) {
    return true;
  }
  // Row i of a and row i + d of b share a byte if -b.row_bytes < distance + d * pitch < a.row_bytes: look for such a d
  // among those that two rows can have. A single row has whatever pitch the other one has.
  const std::int64_t pitch = a.rows == 1 ? b.pitch : a.pitch;
  const std::int64_t distance = b.start - a.start;
  const std::int64_t first = floor_div(-b.row_bytes - distance, pitch) + 1;
  const std::int64_t last = floor_div(a.row_bytes - distance - 1, pitch);
  return std::max(first, -(a.rows - 1)) <= std::min(last, b.rows - 1);
}

}  // namespace swiglu
