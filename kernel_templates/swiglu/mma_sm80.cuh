// The tensor-core kernel for sm_80 and later: mma.sync m16n8k16 fed by ldmatrix from a ring of cp.async stages. One
// main loop for every product of swiglu/problem.h; passes differ in their operands (operands.cuh) and outputs
// (outputs.cuh).
//
// A block computes tile.m x tile.n of both halves: a stage holds tile.k of the rows of A and of the columns of B that
// belong to them. Each warp multiplies one fragment of A with its columns of both halves, so that what belongs to one
// element of the result, such as its g and u, meets in the same thread. Products are summed in steps of 16 with
// increasing k, segment after segment, whatever the tile: for one accumulator type all tiles give bit-identical
// results.
//
// While a warp multiplies step s, ldmatrix fetches step s + 1 and cp.async the tile stages - 1 ahead. One barrier a
// tile: after it the next stage has arrived for everyone, and everyone has done reading the stage before the current
// one.
#pragma once

#include "ptx/cp_async.cuh"
#include "ptx/shared.cuh"
#include "swiglu/accumulators.cuh"
#include "swiglu/config.h"
#include "swiglu/fragments.cuh"
#include "swiglu/operands.cuh"
#include "swiglu/outputs.cuh"
#include "swiglu/params.h"
#include "swiglu/tile_loader.cuh"
#include "swiglu/validity.h"

namespace swiglu::mma_sm80 {

template <KernelConfig C>
struct Stage {
  unsigned short a[C.tile.m * C.tile.k];     // [m][k] or [k][m], as A lies in memory
  unsigned short b[2][C.tile.n * C.tile.k];  // [k][n] or [n][k], as B
};

template <KernelConfig C>
union SharedStorage {
  Stage<C> ring[C.tile.stages];
  StagedHalf<C> output[staging_elements(C) / staged_half_elements(C)];  // after the main loop
};

// Fills stages of the ring with consecutive tiles along k, a third (A and either half of B) at a time, so that the
// copies can be issued between the mma steps.
template <KernelConfig C, typename Params>
class StageLoader {
  static constexpr Product kProduct = product(C.problem);
  static constexpr bool kARowsAreK = kProduct.a == Major::mn;
  static constexpr bool kBRowsAreK = kProduct.b == Major::mn;
  static constexpr bool kDepthTail =
      kProduct.depth == Extent::tokens || extent(C.problem, kProduct.depth, 0) % C.tile.k != 0;
  static constexpr bool kRowTail =
      kProduct.rows == Extent::tokens || extent(C.problem, kProduct.rows, 0) % C.tile.m != 0;
  static constexpr bool kColumnTail = product_columns(C.problem) % tile_columns(C) != 0;
  // Halves of one matrix share a loader: registers are scarce.
  static constexpr int kOwn = kProduct.halves == Halves::matrices ? 2 : 1;
  template <int kMn, bool kRowsAreK>
  using Loader = TileLoader<kRowsAreK ? C.tile.k : kMn, kRowsAreK ? kMn : C.tile.k, threads(C), C.problem.access_bytes>;
  using ALoader = Loader<C.tile.m, kARowsAreK>;
  using BLoader = Loader<C.tile.n, kBRowsAreK>;

 public:
  static constexpr int kParts = 3;

  __device__ __forceinline__ StageLoader(const Params& params, const Work& work)
      : params_(params),
        work_(work),
        a_(loader_a(0)),
        rows_left_(rows_left<C>(work, params.m)),
        columns_left_(product_columns(C.problem) - work.origin.column),
        k_left_(work.depth) {
    a_step_ = a_step();
#pragma unroll
    for (int own = 0; own < kOwn; ++own) {
      b_[own] = loader_b(0, own);
      b_step_[own] = b_step(own);
    }
  }

  // Part 0 .. kParts - 1 of the current tile; the last moves on to the next one.
  __device__ __forceinline__ void load(unsigned stage_address, int part) {
    if (!kDepthTail || k_left_ >= C.tile.k) {
      load_part<false>(stage_address, part);
    } else {
      load_part<true>(stage_address, part);
    }
    if (part == kParts - 1) {
      a_.advance(kProduct.segments == 1 ? a_step_ : a_step());
#pragma unroll
      for (int own = 0; own < kOwn; ++own) {
        b_[own].advance(kProduct.segments == 1 ? b_step_[own] : b_step(own));
      }
      k_left_ -= C.tile.k;
      if constexpr (kProduct.segments == 2) {
        if (k_left_ <= 0 && !in_second_segment_) {
          begin_second_segment();
        }
      }
    }
  }

  // Whether a tile is left to load.
  __device__ __forceinline__ bool more() const { return k_left_ > 0; }

 private:
  __device__ __forceinline__ int segment() const { return in_second_segment_ ? 1 : 0; }

  // Bytes from one tile to the next. Where there are two segments it is computed when it is wanted, from the parameters
  // in constant memory: the registers are all taken.
  __device__ __forceinline__ long long a_step() const {
    return (kARowsAreK ? operand_a<C.problem>(params_, segment()).ld : 1) * (C.tile.k * kElementBytes);
  }
  __device__ __forceinline__ long long b_step(int half) const {
    return (kBRowsAreK ? operand_b<C.problem>(params_, segment(), half).ld : 1) * (C.tile.k * kElementBytes);
  }

  __device__ __forceinline__ ALoader loader_a(int segment) const {
    const Matrix a = operand_a<C.problem>(params_, segment);
    return ALoader(a.base, a.ld, kARowsAreK ? work_.first_k : work_.origin.row,
                   kARowsAreK ? work_.origin.row : work_.first_k);
  }

  __device__ __forceinline__ BLoader loader_b(int segment, int half) const {
    const Matrix b = operand_b<C.problem>(params_, segment, half);
    const long long column = work_.origin.column + half_offset<C>(half);
    return BLoader(b.base, b.ld, kBRowsAreK ? work_.first_k : column, kBRowsAreK ? column : work_.first_k);
  }

  __device__ __forceinline__ void begin_second_segment() {
    a_ = loader_a(1);
#pragma unroll
    for (int own = 0; own < kOwn; ++own) {
      b_[own] = loader_b(1, own);
    }
    k_left_ = work_.depth;
    in_second_segment_ = true;
  }

  template <bool kCheckK>
  __device__ __forceinline__ void load_part(unsigned stage_address, int part) const {
    constexpr unsigned kABytes = sizeof(Stage<C>::a);
    constexpr unsigned kHalfBytes = sizeof(Stage<C>::b[0]);
    if (part == 0) {
      if constexpr (kARowsAreK) {
        a_.template load<kCheckK, kRowTail, !kCheckK>(stage_address, k_left_, rows_left_);
      } else {
        a_.template load<kRowTail, kCheckK, !kCheckK>(stage_address, rows_left_, k_left_);
      }
    } else {
      const int half = part - 1;
      const unsigned address = stage_address + kABytes + static_cast<unsigned>(half) * kHalfBytes;
      const int columns_left = columns_left_ - half_offset<C>(half);
      const BLoader& b = b_[half < kOwn ? half : 0];
      const long long offset =
          (kBRowsAreK ? 1 : operand_b<C.problem>(params_, segment(), 0).ld) * (half_offset<C>(half) * kElementBytes);
      if constexpr (kBRowsAreK) {
        b.template load<kCheckK, kColumnTail, !kCheckK>(address, k_left_, columns_left, offset);
      } else {
        b.template load<kColumnTail, kCheckK, !kCheckK>(address, columns_left, k_left_, offset);
      }
    }
  }

  const Params& params_;
  const Work& work_;
  ALoader a_;
  BLoader b_[kOwn];
  long long a_step_;
  long long b_step_[kOwn];
  int rows_left_;
  int columns_left_;
  int k_left_;  // of the segment, not yet loaded
  bool in_second_segment_ = false;
};

// What a warp carries through the main loop: the ring, and the operands and sums in registers.
template <KernelConfig C, typename Params>
class Pipeline {
  static constexpr int kSteps = C.tile.k / 16;  // mma steps of a tile
  static constexpr int kMmaM = Fragments<C>::kMmaM;
  static constexpr int kMmaN = Fragments<C>::kMmaN;
  static constexpr int kParts = StageLoader<C, Params>::kParts;

 public:
  using Sums = Accumulators<C.problem.dtype, C.problem.accum, kMmaM, kMmaN>;

  __device__ __forceinline__ Pipeline(const Params& params, const Work& work, unsigned ring, int warp_row,
                                      int warp_column)
      : loader_(params, work), reader_(warp_row, warp_column), ring_(ring), write_stage_(ring), read_stage_(ring) {}

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
      if (chunk_ends(tile, step)) {
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

  // Of both halves.
  __device__ __forceinline__ const Sums (&sums() const)[2] { return sums_; }

 private:
  // Chunks of promotion begin anew with each segment, so that they are the same for every tile.k.
  __device__ static __forceinline__ bool chunk_ends(int tile, int step) {
    if constexpr (product(C.problem).segments == 2 && C.problem.accum == Accum::f16_promoted) {
      constexpr int kTiles =
          static_cast<int>(ceil_div(extent(C.problem, product(C.problem).depth, 0), C.tile.k));  // of a segment
      const int within = tile % kTiles;
      return (within * kSteps + step + 1) % (kPromotionK / 16) == 0 || (step == kSteps - 1 && within == kTiles - 1);
    } else {
      return (tile * kSteps + step + 1) % (kPromotionK / 16) == 0;
    }
  }

  __device__ __forceinline__ unsigned next(unsigned stage_address) const {
    constexpr unsigned kStageBytes = sizeof(Stage<C>);
    return stage_address == ring_ + (C.tile.stages - 1) * kStageBytes ? ring_ : stage_address + kStageBytes;
  }

  __device__ __forceinline__ void multiply(const Fragments<C>& current) {
#pragma unroll
    for (int i = 0; i < kMmaM; ++i) {
#pragma unroll
      for (int j = 0; j < kMmaN; ++j) {
        sums_[0].multiply(i, j, current.a[i], current.b[0][j]);
        sums_[1].multiply(i, j, current.a[i], current.b[1][j]);
      }
    }
  }

  __device__ __forceinline__ void promote() {
    sums_[0].promote();
    sums_[1].promote();
  }

  StageLoader<C, Params> loader_;
  FragmentReader<C> reader_;
  unsigned ring_;              // shared address of the first stage
  unsigned write_stage_;       // the next to be filled
  unsigned read_stage_;        // the one operands are fetched from
  Fragments<C> fragments_[2];  // the step being multiplied and the one being fetched
  Sums sums_[2];
};

template <KernelConfig C, typename Params>
__device__ __forceinline__ void run(const Params& params) {
  static_assert(why_invalid(C) == nullptr, "not a valid configuration: see swiglu/validity.h");
  static_assert(sizeof(SharedStorage<C>) == shared_bytes(C));
  static_assert(sizeof(Stage<C>) % 1024 == 0, "stages keep the alignment that the swizzle counts on");
  static_assert(sizeof(StagedHalf<C>) == staged_half_elements(C) * kElementBytes);
  constexpr Product kProduct = product(C.problem);
  constexpr long long kDepth = extent(C.problem, kProduct.depth, 0);  // 0: known at the launch
  constexpr int kMmaM = Fragments<C>::kMmaM;
  constexpr int kMmaN = Fragments<C>::kMmaN;

  const int warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int warp_row = warp % C.tile.warps_m * (kMmaM * 16);
  const int warp_column = warp / C.tile.warps_m * (kMmaN * 8);
  const unsigned ring = ptx::shared_address(ptx::dynamic_shared());
  const Work work = work_of<C>(params, blockIdx.x);

  Pipeline<C, Params> pipeline(params, work, ring, warp_row, warp_column);
  pipeline.start();
  if constexpr (kDepth > 0 && kProduct.segments * ceil_div(kDepth, C.tile.k) == 1) {
    pipeline.multiply_tile(0);  // as a loop of one turn its pragma would fall to the loop inside
  } else {
    const int tiles = kProduct.segments * static_cast<int>(ceil_div(kDepth > 0 ? kDepth : work.depth, C.tile.k));
#pragma unroll 1
    for (int tile = 0; tile < tiles; ++tile) {
      pipeline.multiply_tile(tile);
    }
  }
  pipeline.finish();
  write_output<C, kMmaM, kMmaN>(params, work, ring, {warp_row, warp_column, rows_left<C>(work, params.m)},
                                pipeline.sums());
}

template <KernelConfig C>
__device__ __forceinline__ void forward(const ForwardParams& params) {
  run<C>(params);
}

template <KernelConfig C>
__device__ __forceinline__ void backward(const BackwardParams& params) {
  run<C>(params);
}

}  // namespace swiglu::mma_sm80
