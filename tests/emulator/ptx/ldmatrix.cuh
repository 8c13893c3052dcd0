// The emulator's form of kernel_templates/ptx/ldmatrix.cuh.
#pragma once

namespace swiglu::ptx {

inline void ldmatrix_x4(unsigned (&r)[4], unsigned shared_address,
                        const emulator::Location& where = emulator::Location::current()) {
  emulator::load_matrix(true, false, r, shared_address, where);
}

inline void ldmatrix_x4_trans(unsigned (&r)[4], unsigned shared_address,
                              const emulator::Location& where = emulator::Location::current()) {
  emulator::load_matrix(true, true, r, shared_address, where);
}

inline void ldmatrix_x2(unsigned (&r)[2], unsigned shared_address,
                        const emulator::Location& where = emulator::Location::current()) {
  emulator::load_matrix(false, false, r, shared_address, where);
}

inline void ldmatrix_x2_trans(unsigned (&r)[2], unsigned shared_address,
                              const emulator::Location& where = emulator::Location::current()) {
  emulator::load_matrix(false, true, r, shared_address, where);
}

}  // namespace swiglu::ptx
