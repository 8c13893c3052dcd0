// The emulator's form of kernel_templates/ptx/ldmatrix.cuh.
#pragma once

namespace swiglu::ptx {

inline void ldmatrix_x4(unsigned (&r)[4], unsigned shared_address,
                        const emulator::Location& where = emulator::Location::current()) {
  emulator::load_matrix_x4(false, r, shared_address, where);
}

inline void ldmatrix_x4_trans(unsigned (&r)[4], unsigned shared_address,
                              const emulator::Location& where = emulator::Location::current()) {
  emulator::load_matrix_x4(true, r, shared_address, where);
}

}  // namespace swiglu::ptx
