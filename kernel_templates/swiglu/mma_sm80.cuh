// The tensor-core kernel for sm_80 and later: mma.sync m16n8k16 fed by ldmatrix from a ring of cp.async stages.
//
// A block computes tile.m x tile.n of `out`: a stage holds tile.k columns of x and the tiles of Wg and Wu that belong
// to them. Each warp multiplies one fragment of x with its columns of both halves, so g and u of an element meet in the
// same thread, where the gate is applied. Products are summed in steps of 16 with increasing k whatever the tile: for
// one accumulator type all tiles give bit-identical results.
//
// While a warp multiplies step s, ldmatrix fetches step s + 1 and cp.async the tile stages - 1 ahead. One barrier a
// tile: after it the next stage has arrived for everyone, and everyone has done reading the stage before the current
// one.
#pragma once

#include "ptx/cp_async.cuh"
#include "ptx/shared.cuh"
#include "swiglu/accumulators.cuh"
#include "swiglu/config.h"
#include "swiglu/epilogue.cuh"
#include "swiglu/fragments.cuh"
#include "swiglu/params.h"
#include "swiglu/raster.cuh"
#include "swiglu/tile_loader.cuh"

namespace swiglu::mma_sm80 {

template <KernelConfig C>
struct Stage {
  unsigned short x[C.tile.m * C.tile.k];     // [m][k]
  unsigned short gate[C.tile.n * C.tile.k];  // [k][n] or [n][k], as the weights lie in memory
  unsigned short up[C.tile.n * C.tile.k];
};

template <KernelConfig C>
union SharedStorage {
  Stage<C> ring[C.tile.stages];
  StagedOutput<C> output;  // after the main loop
};

// Fills stages of the ring with consecutive tiles along k, a third (x, Wg, Wu) at a time, so that the copies can be
// issued between the mma steps.
template <KernelConfig C>
class StageLoader {
  static constexpr bool kRowsAreK = C.problem.layout == Layout::kn;
  static constexpr int kAccess = C.problem.access_bytes;
  static constexpr bool kKTail = C.problem.d_model % C.tile.k != 0;
  static constexpr bool kNTail = C.problem.d_intermediate % C.tile.n != 0;
  using XLoader = TileLoader<C.tile.m, C.tile.k, threads(C), kAccess>;
  using WeightLoader =
      TileLoader<kRowsAreK ? C.tile.k : C.tile.n, kRowsAreK ? C.tile.n : C.tile.k, threads(C), kAccess>;

 public:
  static constexpr int kParts = 3;

  __device__ __forceinline__ StageLoader(const ForwardParams& params, TileOrigin origin)
      : x_(params.x, params.ld_x, origin.row, 0),
        gate_(params.w_gate, params.ld_w_gate, kRowsAreK ? 0 : origin.column, kRowsAreK ? origin.column : 0),
        up_(params.w_up, params.ld_w_up, kRowsAreK ? 0 : origin.column, kRowsAreK ? origin.column : 0),
        gate_bytes_((kRowsAreK ? params.ld_w_gate : 1) * (C.tile.k * kElementBytes)),
        up_bytes_((kRowsAreK ? params.ld_w_up : 1) * (C.tile.k * kElementBytes)),
        m_left_(params.m - origin.row < C.tile.m ? static_cast<int>(params.m - origin.row) : C.tile.m),
        n_left_(C.problem.d_intermediate - origin.column),
        k_left_(C.problem.d_model) {}

  // Part 0 .. kParts - 1 of the current tile; the last moves on to the next one.
  __device__ __forceinline__ void load(unsigned stage_address, int part) {
    if (!kKTail || k_left_ >= C.tile.k) {
      load_part<false>(stage_address, part);
    } else {
      load_part<true>(stage_address, part);
    }
    if (part == kParts - 1) {
      x_.advance(C.tile.k * kElementBytes);
      gate_.advance(gate_bytes_);
      up_.advance(up_bytes_);
      k_left_ -= C.tile.k;
    }
  }

  // Whether a tile is left to load.
  __device__ __forceinline__ bool more() const { return k_left_ > 0; }

 private:
  template <bool kCheckK>
  __device__ __forceinline__ void load_part(unsigned stage_address, int part) const {
    constexpr unsigned kXBytes = sizeof(Stage<C>::x);
    constexpr unsigned kWeightBytes = sizeof(Stage<C>::gate);
    if (part == 0) {
      x_.template load<true, kCheckK, !kCheckK>(stage_address, m_left_, k_left_);
    } else {
      const WeightLoader& weight = part == 1 ? gate_ : up_;
      const unsigned address = stage_address + kXBytes + (part == 1 ? 0u : kWeightBytes);
      if constexpr (kRowsAreK) {
        weight.template load<kCheckK, kNTail, !kCheckK>(address, k_left_, n_left_);
      } else {
        weight.template load<kNTail, kCheckK, !kCheckK>(address, n_left_, k_left_);
      }
    }
  }

  XLoader x_;
  WeightLoader gate_;
  WeightLoader up_;
  long long gate_bytes_;  // from one tile to the next
  long long up_bytes_;
  int m_left_;
  int n_left_;
  int k_left_;  // columns of x not yet loaded
};

// What a warp carries through the main loop: the ring, and the operands and sums in registers.
template <KernelConfig C>
class Pipeline {
  static constexpr int kSteps = C.tile.k / 16;  // mma steps of a tile
  static constexpr int kMmaM = Fragments<C>::kMmaM;
  static constexpr int kMmaN = Fragments<C>::kMmaN;
  static constexpr int kParts = StageLoader<C>::kParts;

 public:
  using Sums = Accumulators<C.problem.dtype, C.problem.accum, kMmaM, kMmaN>;

  __device__ __forceinline__ Pipeline(const ForwardParams& params, TileOrigin origin, unsigned ring, int warp_row,
                                      int warp_column)
      : loader_(params, origin), reader_(warp_row, warp_column), ring_(ring), write_stage_(ring), read_stage_(ring) {}

  // Starts the copies of the first stages - 1 tiles, waits for the first tile and fetches its first step.
  __device__ __forceinline__ void start() {
#pragma unroll 1
    for (int stage = 0; stage < C.tile.stages - 1; ++stage) {
      if (loader_.more()) {
        loader_.load(write_stage_, 0);
        loader_.load(write_stage_, 1);
        loader_.load(write_stage_, 2);
      }
      ptx::cp_async_commit();
      write_stage_ = next(write_stage_);
    }
    ptx::cp_async_wait<C.tile.stages - 2>();
    __syncthreads();
    reader_.read(fragments_[0], read_stage_, 0);
  }

  __device__ __forceinline__ void multiply_tile(int tile) {
    const bool more = loader_.more();
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      if (step == kSteps - 1) {
        ptx::cp_async_wait<C.tile.stages - 2>();
        __syncthreads();
        read_stage_ = next(read_stage_);
      }
      // After the last tile this fetches what nobody uses.
      reader_.read(fragments_[(step + 1) % 2], read_stage_, (step + 1) % kSteps);
#pragma unroll
      for (int part = 0; part < kParts; ++part) {
        if (part * (kSteps - 1) / kParts == step && more) {
          loader_.load(write_stage_, part);
        }
      }
      if (step == kSteps - 2) {
        ptx::cp_async_commit();
        write_stage_ = next(write_stage_);
      }
      multiply(fragments_[step % 2]);
      if ((tile * kSteps + step + 1) % (kPromotionK / 16) == 0) {
        promote();
      }
    }
  }

  // The sums are complete, and the ring is free for other use.
  __device__ __forceinline__ void finish() {
    promote();
    ptx::cp_async_wait<0>();
    __syncthreads();
  }

  __device__ __forceinline__ const Sums& gate_sums() const { return gate_sums_; }
  __device__ __forceinline__ const Sums& up_sums() const { return up_sums_; }

 private:
  __device__ __forceinline__ unsigned next(unsigned stage_address) const {
    constexpr unsigned kStageBytes = sizeof(Stage<C>);
    return stage_address == ring_ + (C.tile.stages - 1) * kStageBytes ? ring_ : stage_address + kStageBytes;
  }

  __device__ __forceinline__ void multiply(const Fragments<C>& current) {
#pragma unroll
    for (int i = 0; i < kMmaM; ++i) {
#pragma unroll
      for (int j = 0; j < kMmaN; ++j) {
        gate_sums_.multiply(i, j, current.x[i], current.gate[j]);
        up_sums_.multiply(i, j, current.x[i], current.up[j]);
      }
    }
  }

  __device__ __forceinline__ void promote() {
    gate_sums_.promote();
    up_sums_.promote();
  }

  StageLoader<C> loader_;
  FragmentReader<C> reader_;
  unsigned ring_;              // shared address of the first stage
  unsigned write_stage_;       // the next to be filled
  unsigned read_stage_;        // the one operands are fetched from
  Fragments<C> fragments_[2];  // the step being multiplied and the one being fetched
  Sums gate_sums_;
  Sums up_sums_;
};

template <KernelConfig C>
__device__ __forceinline__ void forward(const ForwardParams& params) {
  static_assert(why_invalid(C) == nullptr, "not a valid configuration: see why_invalid() in swiglu/config.h");
  static_assert(sizeof(SharedStorage<C>) == shared_bytes(C));
  static_assert(sizeof(Stage<C>) % 1024 == 0, "stages keep the alignment that the swizzle counts on");
  constexpr int kTiles = static_cast<int>(ceil_div(C.problem.d_model, C.tile.k));
  constexpr int kMmaM = Fragments<C>::kMmaM;
  constexpr int kMmaN = Fragments<C>::kMmaN;

  const int warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int warp_row = warp % C.tile.warps_m * (kMmaM * 16);
  const int warp_column = warp / C.tile.warps_m * (kMmaN * 8);
  const unsigned ring = ptx::shared_address(ptx::dynamic_shared());
  const TileOrigin origin = tile_origin<C>(blockIdx.x, params.m);

  Pipeline<C> pipeline(params, origin, ring, warp_row, warp_column);
  pipeline.start();
  if constexpr (kTiles == 1) {  // as a loop of one turn its pragma would fall to the loop inside
    pipeline.multiply_tile(0);
  } else {
#pragma unroll 1
    for (int tile = 0; tile < kTiles; ++tile) {
      pipeline.multiply_tile(tile);
    }
  }
  pipeline.finish();
  write_output<C, kMmaM, kMmaN>(params, origin, ring, warp_row, warp_column, pipeline.gate_sums(), pipeline.up_sums());
}

}  // namespace swiglu::mma_sm80
