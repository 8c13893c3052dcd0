// The emulator's form of kernel_templates/ptx/elect.cuh.
#pragma once

namespace swiglu::ptx {

inline bool elect_one() { return threadIdx.x % emulator::Block::kWarpSize == 0; }

}  // namespace swiglu::ptx
