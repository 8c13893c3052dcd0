// Floating-point formats as the tests understand them: their rounding, their unit of error, and their bit patterns.
//
// Written apart from the library's own conversions (src/base/numeric.h), so that one cannot hide a mistake of the
// other. Pure functions; thread-safe.
#pragma once

#include <swiglu/swiglu.h>

#include <cstddef>
#include <cstdint>

namespace swiglu_test {

struct NumberFormat {
  int precision;     // significant bits, the implicit one included
  int min_exponent;  // of the smallest normal number: 2^min_exponent
  double max;        // largest finite value
};

const NumberFormat& format_of(swiglu_dtype dtype);
std::size_t bytes_of(swiglu_dtype dtype);
const char* name_of(swiglu_dtype dtype);

// To nearest, ties to even; beyond the largest value to infinity. NaN stays NaN.
double round_to(const NumberFormat& format, double value);

// The most that one rounding of `value` can lose: half a unit in its last place (of a denormal, near zero); 0 for 0.
double half_unit(const NumberFormat& format, double value);

// One element at `from` / to `to`, which need no alignment. encode() rounds as round_to() does.
double decode(swiglu_dtype dtype, const void* from);
void encode(swiglu_dtype dtype, double value, void* to);

// Every value of a 16-bit format by its bit pattern: 65536 floats. For conversions of large buffers.
const float* decode_table(swiglu_dtype dtype);

}  // namespace swiglu_test
