// The expected output in double, and how far from it a kernel's may be.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checks/problem_data.h"

namespace swiglu::emulator {

// [m][d_intermediate] each.
struct Reference {
  std::vector<double> out;
  std::vector<double> g;
  std::vector<double> u;
};

Reference reference(const ProblemData& data, std::int64_t m);

// Relative error, by Frobenius norm over `count` elements of about equal size, that a right kernel stays below.
double tolerance(const KernelConfig& config, double count);

// Empty, or what is wrong: not-a-numbers and infinities in other places than expected; the norm of the error over the
// whole, over a 64x64 block, or over a row beyond the tolerance.
std::string error_against(const KernelConfig& config, const std::string& name, std::span<const double> expected,
                          std::span<const std::uint16_t> actual);

}  // namespace swiglu::emulator
