#include "cpu/store.h"

#include <cstdint>

#include "base/numeric.h"
#include "cpu/activation.h"

namespace swiglu::cpu {
namespace {

// One element type of the outputs: how a sum becomes one of it, in one rounding.
struct Bf16 {
  using Element = std::uint16_t;
  static Element round(float value) { return float_to_bf16(value); }
  static Element round(double value) { return double_to_bf16(value); }
};
struct F16 {
  using Element = std::uint16_t;
  static Element round(float value) { return float_to_f16(value); }
  static Element round(double value) { return double_to_f16(value); }
};
template <typename Floating>
struct Native {
  using Element = Floating;
  template <typename Real>
  static Element round(Real value) {
    return static_cast<Element>(value);
  }
};

template <typename Type, typename Real>
void store_as(const OutputBlock& block, const Real* sums, long long pitch, long long up_offset) {
  using Element = typename Type::Element;
  const auto row_of = [&](void* matrix, long long ld, int row) {
    return matrix == nullptr ? nullptr : static_cast<Element*>(matrix) + (block.row + row) * ld + block.column;
  };
  for (int row = 0; row < block.rows; ++row) {
    Element* out = row_of(block.out, block.ld_out, row);
    Element* g = row_of(block.g, block.ld_g, row);
    Element* u = row_of(block.u, block.ld_u, row);
    const Real* gate_sums = sums + row * pitch;
    const Real* up_sums = gate_sums + up_offset;
    for (int column = 0; column < block.columns; ++column) {
      out[column] = Type::round(gate(gate_sums[column], up_sums[column]));
    }
    if (g != nullptr) {
      for (int column = 0; column < block.columns; ++column) {
        g[column] = Type::round(gate_sums[column]);
        u[column] = Type::round(up_sums[column]);
      }
    }
  }
}

template <typename Real>
void store_any(const OutputBlock& block, const Real* sums, long long pitch, long long up_offset) {
  switch (block.type) {
    case OutType::bf16:
      return store_as<Bf16>(block, sums, pitch, up_offset);
    case OutType::f16:
      return store_as<F16>(block, sums, pitch, up_offset);
    case OutType::f32:
      return store_as<Native<float>>(block, sums, pitch, up_offset);
    case OutType::f64:
      return store_as<Native<double>>(block, sums, pitch, up_offset);
  }
}

}  // namespace

void store(const OutputBlock& block, const float* sums, long long pitch, long long up_offset) {
  store_any(block, sums, pitch, up_offset);
}
void store(const OutputBlock& block, const double* sums, long long pitch, long long up_offset) {
  store_any(block, sums, pitch, up_offset);
}

}  // namespace swiglu::cpu
