// When two computations of one problem agree: relative Frobenius error over every block of 64 x 64, so that a wrong
// stripe does not hide in a large matrix. The rule of docs/numerics.md for random data, between two results that may
// both err. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "swiglu/config.h"
#include "swiglu/params.h"

namespace swiglu {

inline constexpr std::int64_t kErrorBlock = 64;  // rows and columns

// The most that a block of one result of m tokens may differ from the exact one, doubled. `type`: what it is stored as.
double block_error_limit(const Problem& problem, std::int64_t m, ElementType type);

// Of a matrix of rows x columns, `sums` as BlockErrorParams (swiglu/params.h) describes them. "" if no block is beyond
// the limit, else which is worst. A block weaker than its share of the whole is judged against that share.
std::string why_different(std::span<const float> sums, std::int64_t rows, std::int64_t columns, double limit);

}  // namespace swiglu
