#include "swiglu/mma_sm80.cuh"

constexpr swiglu::KernelConfig kConfig{
    .problem = {.dtype = swiglu::DType::f16,
                .accum = swiglu::Accum::f16,
                .layout = swiglu::Layout::nk,
                .pass = swiglu::Pass::forward,
                .d_model = 4096,
                .d_intermediate = 14336,
                .access_bytes = 16},
    .family = swiglu::Family::mma_sm80,
    .tile = {.m = 192, .n = 128, .k = 64, .stages = 3, .warps_m = 4, .warps_n = 2, .group_m = 8}};

extern "C" __global__ void __launch_bounds__(swiglu::threads(kConfig), swiglu::min_blocks(kConfig))
    swiglu_kernel(const __grid_constant__ swiglu::ForwardParams params) {
  swiglu::mma_sm80::forward<kConfig>(params);
}
