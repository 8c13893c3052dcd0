// bf16 and f16 bit patterns: see float16.h.
#include "tools/float16.h"

#include <bit>
#include <cmath>

namespace swiglu::tool {
namespace {

constexpr std::uint32_t kInfinity = 0x7f800000U;

// Adds half of the last kept bit's weight, and one less where that bit is even: the carry rounds to nearest even.
std::uint32_t round_away(std::uint32_t bits, int dropped) {
  return (bits + (1U << (dropped - 1)) - 1U + ((bits >> dropped) & 1U)) >> dropped;
}

std::uint16_t to_bf16(std::uint32_t bits) {
  if ((bits & ~0x80000000U) > kInfinity) {
    return static_cast<std::uint16_t>((bits >> 16) | 0x0040U);  // quiet NaN
  }
  return static_cast<std::uint16_t>(round_away(bits, 16));
}

std::uint16_t to_f16(std::uint32_t bits) {
  constexpr std::uint32_t kOverflow = 0x477ff000U;        // 65520: from here on rounds to Inf
  constexpr std::uint32_t kSmallestNormal = 0x38800000U;  // 2^-14
  constexpr std::uint32_t kHalf = 0x3f000000U;            // 0.5, whose last bit weighs 2^-24: f16's smallest denormal
  constexpr std::uint32_t kRebias = 112U << 23;           // 127 - 15 in the exponent's place
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & ~0x80000000U;
  std::uint32_t result = 0;
  if (magnitude > kInfinity) {
    result = 0x7e00U;
  } else if (magnitude >= kOverflow) {
    result = 0x7c00U;
  } else if (magnitude < kSmallestNormal) {
    result = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - kHalf;
  } else {
    result = round_away(magnitude - kRebias, 13);
  }
  return static_cast<std::uint16_t>(sign | result);
}

float from_f16(std::uint16_t bits) {
  const float sign = (bits & 0x8000U) != 0 ? -1.0F : 1.0F;
  const int exponent = (bits >> 10) & 0x1f;
  const int mantissa = bits & 0x3ff;
  if (exponent == 0x1f) {
    return mantissa != 0 ? std::bit_cast<float>(0x7fc00000U) : sign * std::bit_cast<float>(kInfinity);
  }
  if (exponent == 0) {
    return sign * std::ldexp(static_cast<float>(mantissa), -24);
  }
  return sign * std::ldexp(static_cast<float>(mantissa + 0x400), exponent - 25);
}

}  // namespace

std::uint16_t narrow(swiglu_dtype dtype, float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return dtype == SWIGLU_BF16 ? to_bf16(bits) : to_f16(bits);
}

float widen(swiglu_dtype dtype, std::uint16_t bits) {
  return dtype == SWIGLU_BF16 ? std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16) : from_f16(bits);
}

}  // namespace swiglu::tool
