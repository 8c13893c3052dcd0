// What each pass makes of a block's two halves of sums, and where it goes. Entered by all threads when nothing of the
// ring is in use any more; `staging` is its shared address.
#pragma once

#include "ptx/shared.cuh"
#include "swiglu/activation.cuh"
#include "swiglu/config.h"
#include "swiglu/element.cuh"
#include "swiglu/epilogue.cuh"
#include "swiglu/operands.cuh"
#include "swiglu/params.h"

namespace swiglu {

// A warp's place in the tile, and how much of the tile is inside.
struct WarpPlace {
  int row;
  int column;
  int rows_inside;
};

// One half as 16-bit elements of a matrix, written or added.
template <KernelConfig C, int kMmaM, int kMmaN, typename Value>
__device__ __forceinline__ void write_half(const Destination& to, bool add, unsigned staging, const WarpPlace& warp,
                                           Value value) {
  if (add) {
    load_staged<C>(staging, to);
    __syncthreads();
  }
  stage<C, kMmaM, kMmaN>(staging, add, warp.rows_inside, warp.row, warp.column, value);
  __syncthreads();
  store_staged<C>(staging, to);
}

template <KernelConfig C, int kMmaM, int kMmaN, typename Sums>
__device__ __forceinline__ void write_output(const ForwardParams& params, const Work& work, unsigned staging,
                                             const WarpPlace& warp, const Sums (&sums)[2]) {
  const auto to = [&](void* matrix, long long ld) { return destination<C>(matrix, ld, work, 0, warp.rows_inside); };
  write_half<C, kMmaM, kMmaN>(to(params.out, params.ld_out), false, staging, warp, [&](int i, int j, int e) {
    return gate(sums[0].value(i, j, e), sums[1].value(i, j, e));
  });
  if constexpr (C.problem.pass == Pass::forward_store) {
    __syncthreads();
    write_half<C, kMmaM, kMmaN>(to(params.g, params.ld_g), false, staging, warp,
                                [&](int i, int j, int e) { return sums[0].value(i, j, e); });
    __syncthreads();
    write_half<C, kMmaM, kMmaN>(to(params.u, params.ld_u), false, staging, warp,
                                [&](int i, int j, int e) { return sums[1].value(i, j, e); });
  }
}

// dout comes in where dg goes out, and du stands beside it.
template <KernelConfig C, int kMmaM, int kMmaN, typename Sums>
__device__ __forceinline__ void write_recomputed(const BackwardParams& params, const Work& work, unsigned staging,
                                                 const WarpPlace& warp, const Sums (&sums)[2]) {
  constexpr DType kDType = C.problem.dtype;
  const unsigned du_staging = staging + sizeof(StagedHalf<C>);
  const auto place = [&](void* matrix, long long ld) { return destination<C>(matrix, ld, work, 0, warp.rows_inside); };
  load_staged<C>(staging, place(const_cast<void*>(params.dout), params.ld_dout));
  __syncthreads();
  for_each_pair<kMmaM, kMmaN>(
      warp.rows_inside, warp.row, warp.column, [&](int i, int j, int half, int row, int column) {
        const unsigned address = staged_pair<C>(staging, row, column);
        const FloatPair dout = unpack<kDType>(ptx::load_shared<4>(address).words[0]);
        const GateGradient low = gate_gradient(sums[0].value(i, j, 2 * half), sums[1].value(i, j, 2 * half), dout.low);
        const GateGradient high =
            gate_gradient(sums[0].value(i, j, 2 * half + 1), sums[1].value(i, j, 2 * half + 1), dout.high);
        ptx::store_shared<4>(address, ptx::Packet<4>{{pack<kDType>(low.dg, high.dg)}});
        ptx::store_shared<4>(staged_pair<C>(du_staging, row, column), ptx::Packet<4>{{pack<kDType>(low.du, high.du)}});
      });
  __syncthreads();
  store_staged<C>(staging, place(params.dg, params.ld_dg));
  store_staged<C>(du_staging, place(params.du, params.ld_dg));
}

// Parts of several splits, and f32 gradients, are f32 alike: they differ in the place alone.
template <KernelConfig C, int kMmaM, int kMmaN, typename Sums>
__device__ __forceinline__ void write_weight_gradient(const BackwardParams& params, const Work& work, int half,
                                                      unsigned staging, const WarpPlace& warp, const Sums& sums) {
  const auto value = [&](int i, int j, int e) { return sums.value(i, j, e); };
  const bool second = C.problem.pass == Pass::dw && half == 1;
  Destination to = destination<C>(second ? params.dw_up : params.dw_gate, second ? params.ld_dw_up : params.ld_dw_gate,
                                  work, half, warp.rows_inside);
  const bool add = params.splits == 1 && params.accumulate != 0;
  const int columns = product_columns(C.problem) - work.origin.column - half_offset<C>(half);
  // The parts' rows are aligned whatever the caller's are.
  constexpr int kAccess = C.problem.gradient == Gradient::f32 ? C.problem.access_bytes : kChunkBytes;
  if (params.splits > 1) {
    constexpr int kMatrices = C.problem.pass == Pass::dw ? 2 : 1;
    const long long part = static_cast<long long>(work.split) * kMatrices + (second ? 1 : 0);
    to.matrix = params.partials + part * weight_rows(C.problem) * params.ld_partials;
    to.ld = params.ld_partials;
  }
  if (C.problem.gradient == Gradient::f32 || params.splits > 1) {
    store_floats<C, kAccess, kMmaM, kMmaN>(to, add, warp.rows_inside, warp.row, warp.column, columns, value);
  } else if constexpr (C.problem.gradient == Gradient::element) {
    write_half<C, kMmaM, kMmaN>(to, add, staging, warp, value);
  }
}

template <KernelConfig C, int kMmaM, int kMmaN, typename Sums>
__device__ __forceinline__ void write_output(const BackwardParams& params, const Work& work, unsigned staging,
                                             const WarpPlace& warp, const Sums (&sums)[2]) {
  if constexpr (C.problem.pass == Pass::recompute) {
    write_recomputed<C, kMmaM, kMmaN>(params, work, staging, warp, sums);
  } else {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      if (half == 1) {
        __syncthreads();
      }
      if constexpr (C.problem.pass == Pass::dx) {
        write_half<C, kMmaM, kMmaN>(destination<C>(params.dx, params.ld_dx, work, half, warp.rows_inside), false,
                                    staging, warp, [&](int i, int j, int e) { return sums[half].value(i, j, e); });
      } else {
        write_weight_gradient<C, kMmaM, kMmaN>(params, work, half, staging, warp, sums[half]);
      }
    }
  }
}

}  // namespace swiglu
