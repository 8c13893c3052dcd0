// The emulator's form of kernel_templates/ptx/mma.cuh.
#pragma once

namespace swiglu::ptx {

inline void mma_m16n8k16_bf16_f32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                                  const emulator::Location& where = emulator::Location::current()) {
  emulator::mma_m16n8k16(emulator::MmaType::bf16_f32, d, a, b, where);
}

inline void mma_m16n8k16_f16_f32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                                 const emulator::Location& where = emulator::Location::current()) {
  emulator::mma_m16n8k16(emulator::MmaType::f16_f32, d, a, b, where);
}

inline void mma_m16n8k16_f16_f16(unsigned (&d)[2], const unsigned (&a)[4], const unsigned (&b)[2],
                                 const emulator::Location& where = emulator::Location::current()) {
  emulator::mma_m16n8k16(emulator::MmaType::f16_f16, d, a, b, where);
}

}  // namespace swiglu::ptx
