// The emulator's form of kernel_templates/ptx/warpgroup.cuh.
#pragma once

namespace swiglu::ptx {

template <int kRegisters>
inline void warpgroup_increase_registers(const emulator::Location& where = emulator::Location::current()) {
  static_assert(kRegisters >= 24 && kRegisters <= 256 && kRegisters % 8 == 0, "24 .. 256, in steps of 8");
  emulator::increase_registers(kRegisters, where);
}

template <int kRegisters>
inline void warpgroup_decrease_registers(const emulator::Location& where = emulator::Location::current()) {
  static_assert(kRegisters >= 24 && kRegisters <= 256 && kRegisters % 8 == 0, "24 .. 256, in steps of 8");
  emulator::decrease_registers(kRegisters, where);
}

}  // namespace swiglu::ptx
