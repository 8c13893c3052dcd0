// The emulator's form of kernel_templates/ptx/convert.cuh.
#pragma once

#include "base/numeric.h"

namespace swiglu::ptx {

inline float bf16_to_float(unsigned short bits) { return swiglu::bf16_to_float(bits); }
inline float f16_to_float(unsigned short bits) { return swiglu::f16_to_float(bits); }
inline float low_f16_to_float(unsigned packed) { return f16_to_float(static_cast<unsigned short>(packed & 0xffffU)); }
inline float high_f16_to_float(unsigned packed) { return f16_to_float(static_cast<unsigned short>(packed >> 16)); }
inline unsigned short float_to_bf16(float value) { return swiglu::float_to_bf16(value); }
inline unsigned short float_to_f16(float value) { return swiglu::float_to_f16(value); }

inline unsigned pack_bf16x2(float low, float high) {
  return float_to_bf16(low) | static_cast<unsigned>(float_to_bf16(high)) << 16;
}
inline unsigned pack_f16x2(float low, float high) {
  return float_to_f16(low) | static_cast<unsigned>(float_to_f16(high)) << 16;
}
inline void unpack_f16x2(unsigned packed, float& low, float& high) {
  low = f16_to_float(static_cast<unsigned short>(packed & 0xffffU));
  high = f16_to_float(static_cast<unsigned short>(packed >> 16));
}

}  // namespace swiglu::ptx
