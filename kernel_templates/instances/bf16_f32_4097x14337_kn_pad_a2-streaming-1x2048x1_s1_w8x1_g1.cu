#include "swiglu/streaming.cuh"

constexpr swiglu::KernelConfig kConfig{
    .problem = {.dtype = swiglu::DType::bf16,
                .accum = swiglu::Accum::f32,
                .layout = swiglu::Layout::kn,
                .pass = swiglu::Pass::pad,
                .d_model = 4097,
                .d_intermediate = 14337,
                .access_bytes = 2},
    .family = swiglu::Family::streaming,
    .tile = {.m = 1, .n = 2048, .k = 1, .stages = 1, .warps_m = 8, .warps_n = 1, .group_m = 1}};

extern "C" __global__ void __launch_bounds__(swiglu::threads(kConfig), swiglu::min_blocks(kConfig))
    swiglu_kernel(const __grid_constant__ swiglu::CopyParams params) {
  swiglu::streaming::copy<kConfig>(params);
}
