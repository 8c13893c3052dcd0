#include "swiglu/mma_sm80.cuh"

constexpr swiglu::KernelConfig kConfig{
    .problem = {.dtype = swiglu::DType::bf16,
                .accum = swiglu::Accum::f32,
                .layout = swiglu::Layout::kn,
                .pass = swiglu::Pass::recompute,
                .d_model = 4096,
                .d_intermediate = 14336,
                .access_bytes = 16},
    .family = swiglu::Family::mma_sm80,
    .tile = {.m = 128, .n = 128, .k = 64, .stages = 3, .warps_m = 2, .warps_n = 4, .group_m = 16}};

extern "C" __global__ void __launch_bounds__(swiglu::threads(kConfig), swiglu::min_blocks(kConfig))
    swiglu_kernel(const __grid_constant__ swiglu::BackwardParams params) {
  swiglu::mma_sm80::backward<kConfig>(params);
}
