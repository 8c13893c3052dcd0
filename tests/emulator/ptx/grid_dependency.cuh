// The emulator's form of kernel_templates/ptx/grid_dependency.cuh.
#pragma once

namespace swiglu::ptx {

inline void grid_dependency_wait() { emulator::Block::current()->await_earlier_kernels(); }

inline void grid_dependency_launch() {}

}  // namespace swiglu::ptx
