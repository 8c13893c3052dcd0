// Narrowing: one integer algorithm over the bits of a double serves both formats and, since f32 -> f64 is exact, both
// sources.
#include "base/numeric.h"

namespace swiglu {
namespace {

// bits of a 16-bit format of 1 sign, kExponentBits and kFractionBits bits.
template <int kExponentBits, int kFractionBits>
std::uint16_t narrow(std::uint64_t bits) {
  static_assert(1 + kExponentBits + kFractionBits == 16);
  constexpr int kBias = (1 << (kExponentBits - 1)) - 1;
  constexpr std::uint64_t kInfinity = ((std::uint64_t{1} << kExponentBits) - 1) << kFractionBits;
  constexpr std::uint64_t kQuiet = std::uint64_t{1} << (kFractionBits - 1);

  const std::uint64_t sign = (bits >> 63) << 15;
  const int exponent = static_cast<int>((bits >> 52) & 0x7ff);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  if (exponent == 0x7ff) {
    const std::uint64_t payload = fraction != 0 ? kQuiet | (fraction >> (52 - kFractionBits)) : 0;
    return static_cast<std::uint16_t>(sign | kInfinity | payload);
  }
  const std::uint64_t significand = fraction | (std::uint64_t{1} << 52);  // a denormal double is far below half an ulp
  const int target = exponent - 1023 + kBias;  // exponent field of the result before rounding
  if (target >= (1 << kExponentBits) - 1) {
    return static_cast<std::uint16_t>(sign | kInfinity);
  }
  const int dropped = 52 - kFractionBits + (target < 1 ? 1 - target : 0);  // low bits of the significand to round away
  if (dropped > 53) {                                                      // less than half of the smallest denormal
    return static_cast<std::uint16_t>(sign);
  }
  std::uint64_t kept = significand >> dropped;
  const std::uint64_t rest = significand & ((std::uint64_t{1} << dropped) - 1);
  const std::uint64_t half = std::uint64_t{1} << (dropped - 1);
  if (rest > half || (rest == half && (kept & 1) != 0)) {
    ++kept;
  }
  // `kept` holds the leading one of a normal number: it adds one to the exponent field, as does a carry out of the
  // rounding, up to infinity.
  const std::uint64_t field = target < 1 ? 0 : static_cast<std::uint64_t>(target - 1);
  return static_cast<std::uint16_t>(sign | ((field << kFractionBits) + kept));
}

// Widened by bits: a conversion by the FPU would flush denormals where the caller's thread asks for that.
std::uint64_t widen(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint64_t sign = std::uint64_t{bits >> 31} << 63;
  const std::uint64_t exponent = (bits >> 23) & 0xff;
  const std::uint64_t fraction = bits & 0x7fffffU;
  if (exponent == 0xff) {
    return sign | (std::uint64_t{0x7ff} << 52) | (fraction << 29);
  }
  if (exponent != 0) {
    return sign | ((exponent + 1023 - 127) << 52) | (fraction << 29);
  }
  if (fraction == 0) {
    return sign;
  }
  const auto leading = static_cast<unsigned>(std::bit_width(fraction)) - 1;  // value = fraction x 2^-149
  const std::uint64_t normalized = (fraction << (52 - leading)) & ((std::uint64_t{1} << 52) - 1);
  return sign | (std::uint64_t{leading + 1023 - 149} << 52) | normalized;
}

}  // namespace

std::uint16_t float_to_bf16(float value) { return narrow<8, 7>(widen(value)); }
std::uint16_t float_to_f16(float value) { return narrow<5, 10>(widen(value)); }
std::uint16_t double_to_bf16(double value) { return narrow<8, 7>(std::bit_cast<std::uint64_t>(value)); }
std::uint16_t double_to_f16(double value) { return narrow<5, 10>(std::bit_cast<std::uint64_t>(value)); }

}  // namespace swiglu
