// Programmatic dependent launch (sm_90): a kernel launched with that attribute may start while the one before it in the
// stream still runs. Without the attribute, and on older cards, both do nothing.
#pragma once

namespace swiglu::ptx {

// Until it returns nothing of the earlier kernels may be read, nor anything written that they use.
__device__ __forceinline__ void grid_dependency_wait() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// From here on the next kernel's blocks may be started, where there is room for them.
__device__ __forceinline__ void grid_dependency_launch() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

}  // namespace swiglu::ptx
