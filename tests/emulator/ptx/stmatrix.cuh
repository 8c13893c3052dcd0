// The emulator's form of kernel_templates/ptx/stmatrix.cuh.
#pragma once

namespace swiglu::ptx {

inline void stmatrix_x4(unsigned shared_address, const unsigned (&r)[4],
                        const emulator::Location& where = emulator::Location::current()) {
  emulator::store_matrix(true, false, r, shared_address, where);
}

inline void stmatrix_x2(unsigned shared_address, const unsigned (&r)[2],
                        const emulator::Location& where = emulator::Location::current()) {
  emulator::store_matrix(false, false, r, shared_address, where);
}

inline void stmatrix_x4_trans(unsigned shared_address, const unsigned (&r)[4],
                              const emulator::Location& where = emulator::Location::current()) {
  emulator::store_matrix(true, true, r, shared_address, where);
}

inline void stmatrix_x2_trans(unsigned shared_address, const unsigned (&r)[2],
                              const emulator::Location& where = emulator::Location::current()) {
  emulator::store_matrix(false, true, r, shared_address, where);
}

}  // namespace swiglu::ptx
