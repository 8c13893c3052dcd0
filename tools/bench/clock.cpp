// Cycles over nanoseconds: see clock.h.
#include "tools/bench/clock.h"

#include <algorithm>
#include <vector>

#include "tools/statistics.h"

namespace swiglu::tool {

double mean_megahertz(std::span<const ClockStamp> before, std::span<const ClockStamp> after) {
  std::vector<double> megahertz;
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    if (before[i].nanoseconds != 0 && after[i].nanoseconds > before[i].nanoseconds) {
      megahertz.push_back(1e3 * static_cast<double>(after[i].cycles - before[i].cycles) /
                          static_cast<double>(after[i].nanoseconds - before[i].nanoseconds));
    }
  }
  return median(std::move(megahertz));
}

}  // namespace swiglu::tool
