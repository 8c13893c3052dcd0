// Elements of the outputs' types as the accumulator's type, and back in one rounding. Pure.
#pragma once

#include <cstdint>

#include "base/numeric.h"
#include "cpu/forward.h"

namespace swiglu::cpu {

struct Bf16 {
  using Element = std::uint16_t;
  static Element round(float value) { return float_to_bf16(value); }
  static Element round(double value) { return double_to_bf16(value); }
  static float widen(Element bits) { return bf16_to_float(bits); }
};
struct F16 {
  using Element = std::uint16_t;
  static Element round(float value) { return float_to_f16(value); }
  static Element round(double value) { return double_to_f16(value); }
  static float widen(Element bits) { return f16_to_float(bits); }
};
template <typename Floating>
struct Native {
  using Element = Floating;
  template <typename Real>
  static Element round(Real value) {
    return static_cast<Element>(value);
  }
  static Floating widen(Element value) { return value; }
};

// visit(Bf16{}), or whichever the type is.
template <typename Visit>
void with_type(OutType type, Visit visit) {
  switch (type) {
    case OutType::bf16:
      return visit(Bf16{});
    case OutType::f16:
      return visit(F16{});
    case OutType::f32:
      return visit(Native<float>{});
    case OutType::f64:
      return visit(Native<double>{});
  }
}

}  // namespace swiglu::cpu
