// Results accepted or refused: what the checks of all passes share. A refusal is a Failure that says what is wrong, and
// where; the JSON says how far from wrong it is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tools/bench/block_errors.h"
#include "tools/bench/laboratory.h"
#include "tools/library.h"

namespace swiglu::tool {

inline constexpr std::int64_t kLinesAgainstFloat64 =
    4;  // first, last and two between; every element meets the baseline

Json accept(const std::string& what, const Errors& errors, const Limits& limits);

// Every element of a 16-bit matrix on the device against another.
Json accept_whole(const Laboratory& laboratory, const std::string& what, const DeviceMatrixView& actual,
                  const DeviceMatrixView& expected, std::int64_t rows, std::int64_t columns, const Limits& limits);

// Downloaded lines of a matrix, one after another, against float64. `lines`: which of the matrix they are, for words.
Json accept_lines(const std::string& what, const std::vector<std::uint16_t>& actual, std::span<const double> expected,
                  const std::vector<std::int64_t>& lines, swiglu_dtype dtype, const Limits& limits);

}  // namespace swiglu::tool
