#include "cpu/store.h"

#include "cpu/activation.h"
#include "cpu/element.h"

namespace swiglu::cpu {
namespace {

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
  with_type(block.type, [&](auto type) { store_as<decltype(type)>(block, sums, pitch, up_offset); });
}

}  // namespace

void store(const OutputBlock& block, const float* sums, long long pitch, long long up_offset) {
  store_any(block, sums, pitch, up_offset);
}
void store(const OutputBlock& block, const double* sums, long long pitch, long long up_offset) {
  store_any(block, sums, pitch, up_offset);
}

}  // namespace swiglu::cpu
