// The clock of the multiprocessors while something ran, from stamps that tiny kernels leave before and after it. NVML's
// clock, read after the fact, is that of an idle board: it says 1980 MHz where a kernel ran at 1580.
#pragma once

#include <cstdint>
#include <span>

namespace swiglu::tool {

inline constexpr int kStampSlots = 1024;  // more than any device has multiprocessors

struct ClockStamp {  // of one multiprocessor; zero where no block of the kernel ran there
  std::uint64_t cycles;
  std::uint64_t nanoseconds;
};

// Megahertz, the median over the multiprocessors that have both stamps: counters of different ones do not agree. NaN if
// none has. The stamps' own microseconds are in it.
double mean_megahertz(std::span<const ClockStamp> before, std::span<const ClockStamp> after);

}  // namespace swiglu::tool
