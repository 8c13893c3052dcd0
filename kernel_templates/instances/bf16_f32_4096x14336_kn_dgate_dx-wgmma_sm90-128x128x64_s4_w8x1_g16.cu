#include "swiglu/wgmma_sm90.cuh"

constexpr swiglu::KernelConfig kConfig{
    .problem = {.dtype = swiglu::DType::bf16,
                .accum = swiglu::Accum::f32,
                .layout = swiglu::Layout::kn,
                .pass = swiglu::Pass::dgate_dx,
                .d_model = 4096,
                .d_intermediate = 14336,
                .access_bytes = 16},
    .family = swiglu::Family::wgmma_sm90,
    .tile = {.m = 128, .n = 128, .k = 64, .stages = 4, .warps_m = 8, .warps_n = 1, .group_m = 16}};

extern "C" __global__ void __launch_bounds__(swiglu::threads(kConfig), swiglu::min_blocks(kConfig))
    swiglu_kernel(const __grid_constant__ swiglu::TmaParams params) {
  swiglu::wgmma_sm90::backward<kConfig>(params);
}

extern "C" __global__ void __launch_bounds__(swiglu::kClearThreads)
    swiglu_clear(const __grid_constant__ swiglu::TmaParams params) {
  swiglu::wgmma_sm90::clear_progress<kConfig>(params);
}
