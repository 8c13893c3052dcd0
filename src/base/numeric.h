// bf16 and f16 on the host, as bit patterns: exact widening, and narrowing from f32 or f64 with ONE rounding to nearest
// even (never through an intermediate type). NaN stays NaN (quiet), overflow gives Inf, denormals are kept, whatever
// the rounding mode and flush-to-zero flags of the calling thread: everything is integer arithmetic or exact. No state.
#pragma once

#include <bit>
#include <cstdint>

namespace swiglu {

constexpr float bf16_to_float(std::uint16_t bits) {
  std::uint32_t wide = std::uint32_t{bits} << 16;
  if ((wide & 0x7fffffffU) > 0x7f800000U) {
    wide |= 0x00400000U;  // a signalling NaN becomes quiet
  }
  return std::bit_cast<float>(wide);
}

constexpr float f16_to_float(std::uint16_t bits) {
  const std::uint32_t sign = (std::uint32_t{bits} & 0x8000U) << 16;
  const std::uint32_t exponent = (std::uint32_t{bits} >> 10) & 0x1fU;
  const std::uint32_t fraction = std::uint32_t{bits} & 0x3ffU;
  if (exponent == 0) {  // fraction x 2^-24: normal in f32
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
  }
  if (exponent == 31) {
    const std::uint32_t quiet = fraction != 0 ? 0x00400000U : 0U;
    return std::bit_cast<float>(sign | 0x7f800000U | quiet | (fraction << 13));
  }
  return std::bit_cast<float>(sign | ((exponent + 127 - 15) << 23) | (fraction << 13));
}

std::uint16_t float_to_bf16(float value);
std::uint16_t float_to_f16(float value);
std::uint16_t double_to_bf16(double value);
std::uint16_t double_to_f16(double value);

}  // namespace swiglu
