#include "support/number_format.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

namespace swiglu_test {
namespace {

constexpr NumberFormat kBf16{8, -126, 0x1.FEp127};
constexpr NumberFormat kF16{11, -14, 65504.0};
constexpr NumberFormat kF32{24, -126, 0x1.FFFFFEp127};
constexpr NumberFormat kF64{53, -1022, std::numeric_limits<double>::max()};

// The distance between neighbours of the format at `magnitude` > 0.
double unit(const NumberFormat& format, double magnitude) {
  const int exponent = std::max(std::ilogb(magnitude), format.min_exponent);
  return std::ldexp(1.0, exponent - format.precision + 1);
}

std::uint16_t to_f16_bits(double value) {  // value is representable, infinite or NaN
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::fabs(value);
  if (std::isnan(value)) {
    return static_cast<std::uint16_t>(sign | 0x7E00);
  }
  if (std::isinf(value)) {
    return static_cast<std::uint16_t>(sign | 0x7C00);
  }
  if (magnitude < 0x1p-14) {
    return static_cast<std::uint16_t>(sign | static_cast<int>(magnitude * 0x1p24));
  }
  const int exponent = std::ilogb(magnitude);
  const int fraction = static_cast<int>(std::ldexp(magnitude, 10 - exponent)) - 1024;
  return static_cast<std::uint16_t>(sign | ((exponent + 15) << 10) | fraction);
}

float from_f16_bits(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1F;
  const int fraction = bits & 0x3FF;
  float magnitude = 0;
  if (exponent == 31) {
    magnitude = fraction == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

float from_bf16_bits(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

std::vector<float> make_table(float (*convert)(std::uint16_t)) {
  std::vector<float> table(65536);
  for (std::size_t bits = 0; bits < table.size(); ++bits) {
    table[bits] = convert(static_cast<std::uint16_t>(bits));
  }
  return table;
}

template <typename T>
T load(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace

const NumberFormat& format_of(swiglu_dtype dtype) {
  switch (dtype) {
    case SWIGLU_BF16:
      return kBf16;
    case SWIGLU_F16:
      return kF16;
    case SWIGLU_F32:
      return kF32;
    case SWIGLU_F64:
      return kF64;
  }
  throw std::invalid_argument("format_of: no such dtype");
}

std::size_t bytes_of(swiglu_dtype dtype) { return dtype == SWIGLU_F64 ? 8 : dtype == SWIGLU_F32 ? 4 : 2; }

const char* name_of(swiglu_dtype dtype) {
  return dtype == SWIGLU_BF16 ? "bf16" : dtype == SWIGLU_F16 ? "f16" : dtype == SWIGLU_F32 ? "f32" : "f64";
}

double round_to(const NumberFormat& format, double value) {
  if (!std::isfinite(value) || value == 0 || format.precision == kF64.precision) {
    return value;
  }
  const double quantum = unit(format, std::fabs(value));
  const double rounded = std::nearbyint(value / quantum) * quantum;
  return std::fabs(rounded) > format.max ? std::copysign(std::numeric_limits<double>::infinity(), value) : rounded;
}

double half_unit(const NumberFormat& format, double value) {
  return value == 0 || !std::isfinite(value) ? 0.0 : unit(format, std::fabs(value)) / 2;
}

double decode(swiglu_dtype dtype, const void* from) {
  switch (dtype) {
    case SWIGLU_BF16:
    case SWIGLU_F16:
      return decode_table(dtype)[load<std::uint16_t>(from)];
    case SWIGLU_F32:
      return load<float>(from);
    case SWIGLU_F64:
      return load<double>(from);
  }
  throw std::invalid_argument("decode: no such dtype");
}

void encode(swiglu_dtype dtype, double value, void* to) {
  const double rounded = round_to(format_of(dtype), value);
  if (dtype == SWIGLU_F64) {
    std::memcpy(to, &rounded, sizeof rounded);
    return;
  }
  const float single = static_cast<float>(rounded);
  if (dtype == SWIGLU_F32) {
    std::memcpy(to, &single, sizeof single);
    return;
  }
  std::uint16_t bits = to_f16_bits(rounded);
  if (dtype == SWIGLU_BF16) {
    bits = std::isnan(value) ? 0x7FC0 : static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(single) >> 16);
  }
  std::memcpy(to, &bits, sizeof bits);
}

const float* decode_table(swiglu_dtype dtype) {
  static const std::vector<float> bf16 = make_table(from_bf16_bits);
  static const std::vector<float> f16 = make_table(from_f16_bits);
  return dtype == SWIGLU_BF16 ? bf16.data() : f16.data();
}

}  // namespace swiglu_test
