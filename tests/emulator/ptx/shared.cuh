// The emulator's form of kernel_templates/ptx/shared.cuh.
#pragma once

namespace swiglu::ptx {

inline unsigned char* dynamic_shared() { return emulator::Block::current()->shared().data(); }

inline unsigned shared_address(const void* pointer) { return emulator::Block::current()->shared().address(pointer); }

}  // namespace swiglu::ptx
