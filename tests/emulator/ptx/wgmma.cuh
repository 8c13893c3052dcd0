// The emulator's form of kernel_templates/ptx/wgmma.cuh.
#pragma once

#include <type_traits>

#include "operations/wgmma.h"
#include "swiglu/config.h"

namespace swiglu::ptx {

inline void wgmma_fence(const emulator::Location& where = emulator::Location::current()) {
  emulator::wgmma_fence(where);
}

inline void wgmma_commit(const emulator::Location& where = emulator::Location::current()) {
  emulator::wgmma_commit(where);
}

template <int kPending>
inline void wgmma_wait(const emulator::Location& where = emulator::Location::current()) {
  static_assert(kPending >= 0 && kPending <= 7, "at most 7 groups are left pending");
  emulator::wgmma_wait(kPending, where);
}

inline void keep(float&) {}
inline void keep(unsigned&) {}

template <DType kDType, bool kAccumulateF16, int kN>
struct Wgmma {
  static_assert(kN >= 8 && kN <= 256 && kN % (kAccumulateF16 ? 16 : 8) == 0,
                "n is 8 .. 256, in steps of 8; ours of f16 sums of 16");
  static_assert(kDType == DType::f16 || !kAccumulateF16, "bf16 has no f16 accumulators");
  using Register = std::conditional_t<kAccumulateF16, unsigned, float>;
  static constexpr int kRegisters = kAccumulateF16 ? kN / 4 : kN / 2;

  template <bool kTransA, bool kTransB>
  static void multiply(Register (&d)[kRegisters], unsigned long long a_operand, unsigned long long b_operand,
                       bool add_to, const emulator::Location& where = emulator::Location::current()) {
    constexpr emulator::MmaType kType = kDType == DType::bf16 ? emulator::MmaType::bf16_f32
                                        : kAccumulateF16      ? emulator::MmaType::f16_f16
                                                              : emulator::MmaType::f16_f32;
    emulator::wgmma({kType, kN, kTransA, kTransB}, d, a_operand, b_operand, add_to, where);
  }
};

}  // namespace swiglu::ptx
