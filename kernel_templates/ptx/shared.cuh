// The block's dynamic shared memory, and its 32-bit addresses, which cp.async, ldmatrix and ld/st.shared take.
#pragma once

namespace swiglu::ptx {

// 1024-byte aligned: swizzles and ldmatrix may count on address bits. All callers get the same memory.
__device__ __forceinline__ unsigned char* dynamic_shared() {
  extern __shared__ __align__(1024) unsigned char swiglu_dynamic_shared[];
  return swiglu_dynamic_shared;
}

__device__ __forceinline__ unsigned shared_address(const void* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

}  // namespace swiglu::ptx
