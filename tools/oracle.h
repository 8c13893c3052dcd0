// The reference a result is checked against: the library's CPU device with f64 accumulators and f64 outputs, on a
// deterministic sample of rows. Rows are independent, so a row's reference costs the same however many tokens there
// are.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <vector>

#include "tools/random_problem.h"

namespace swiglu::tool {

// All of 0 .. m-1 if there are no more than `count` of them; else the first, the last, and one at a pseudo-random place
// of each of count - 2 equal bands. Increasing, without repetition.
std::vector<std::int64_t> sample_rows(std::int64_t m, std::int64_t count);

// How many rows fit in about 8e9 multiply-adds of f64 (seconds on a desktop), at least 32.
std::int64_t affordable_rows(std::int64_t d_model, std::int64_t d_intermediate);

struct Reference {
  std::vector<double> out;  // [rows, d_intermediate]
  std::vector<double> g;
  std::vector<double> u;
};

Reference compute_reference(const swiglu_plan_desc& desc, const RandomProblem& problem,
                            const std::vector<std::int64_t>& rows);

// What three separate 16-bit operations would return: g, u, silu(g) and the product each rounded to the dtype.
std::vector<double> unfused(const Reference& reference, swiglu_dtype dtype);

// The sampled rows of a 16-bit matrix, widened.
std::vector<double> gather(const std::vector<std::uint16_t>& matrix, std::int64_t columns,
                           const std::vector<std::int64_t>& rows, swiglu_dtype dtype);

}  // namespace swiglu::tool
