#include "swiglu/simt.cuh"

constexpr swiglu::KernelConfig kConfig{
    .problem = {.dtype = swiglu::DType::f16,
                .accum = swiglu::Accum::f32,
                .layout = swiglu::Layout::kn,
                .pass = swiglu::Pass::dw_single,
                .d_model = 4096,
                .d_intermediate = 14336,
                .access_bytes = 16,
                .gradient = swiglu::Gradient::f32},
    .family = swiglu::Family::simt,
    .tile = {.m = 64, .n = 32, .k = 32, .stages = 1, .warps_m = 8, .warps_n = 1, .group_m = 8}};

extern "C" __global__ void __launch_bounds__(swiglu::threads(kConfig), swiglu::min_blocks(kConfig))
    swiglu_kernel(const __grid_constant__ swiglu::BackwardParams params) {
  swiglu::simt::backward<kConfig>(params);
}
