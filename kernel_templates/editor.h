// Lets an editor's clangd read the kernel templates as plain C++: the CUDA names they use, declared and never defined.
// See .clangd. Never embedded in the library and never included by a template.
#pragma once

#define __device__
#define __host__
#define __global__
#define __shared__
#define __forceinline__ inline
#define __grid_constant__
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(...)
#define __CUDA_ARCH__ 900

struct SwigluEditorIndex {
  unsigned x, y, z;
};
extern const SwigluEditorIndex threadIdx, blockIdx, blockDim, gridDim;

void __syncthreads();
void __syncwarp(unsigned mask = 0xffffffffu);
template <typename T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32);
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32);
unsigned long __cvta_generic_to_shared(const void* pointer);
unsigned __float_as_uint(float value);
float __uint_as_float(unsigned bits);
