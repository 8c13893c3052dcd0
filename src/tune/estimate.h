// Ranks candidates on paper: waves of tiles against tensor-core rate, shared-memory rate, copy rate and memory rate,
// with the latency of filling a pipeline. Rates are rough and the same for all cards but for what DeviceSpec says; only
// the order of candidates matters. Pure: no GPU, no state, the same answer everywhere.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/arch.h"
#include "swiglu/config.h"

namespace swiglu {

struct Estimate {
  double seconds;
  std::string why;  // one line for swiglu_plan_describe
};

// m >= 1; the configuration must be valid.
Estimate estimate(const KernelConfig&, std::int64_t m, const DeviceSpec&);

// Of copying so many elements between padded rows and rows of this alignment, in one launch (Pass::pad, Pass::unpad).
double copy_seconds(double elements, int access_bytes, const DeviceSpec&);

struct Choice {
  KernelConfig config;
  Estimate estimate;
};

// Every candidate (tune/space.h), fastest on paper first; ties in canonical order. Never empty.
std::vector<Choice> rank(const Problem&, std::int64_t m, const Arch&, const DeviceSpec&);

// The first of rank().
Choice choose(const Problem&, std::int64_t m, const Arch&, const DeviceSpec&);

}  // namespace swiglu
