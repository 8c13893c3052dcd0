#include "swiglu/simt.cuh"

constexpr swiglu::KernelConfig kConfig{
    .problem = {.dtype = swiglu::DType::f16,
                .accum = swiglu::Accum::f16,
                .layout = swiglu::Layout::nk,
                .pass = swiglu::Pass::forward_store,
                .d_model = 4097,
                .d_intermediate = 11007,
                .access_bytes = 2},
    .family = swiglu::Family::simt,
    .tile = {.m = 64, .n = 32, .k = 32, .stages = 1, .warps_m = 8, .warps_n = 1, .group_m = 8}};

extern "C" __global__ void __launch_bounds__(swiglu::threads(kConfig), swiglu::min_blocks(kConfig))
    swiglu_kernel(const __grid_constant__ swiglu::ForwardParams params) {
  swiglu::simt::forward<kConfig>(params);
}
