// What each pass makes of a warpgroup's sums in family wgmma_sm90, and where it goes: 16-bit elements through the
// staging and tensor maps, f32 out of the registers, 32 bytes of a row from four or eight lanes.
//
// A unit of output is one half of 64 rows of sums (staged_store.cuh); a round is both halves of one. Entered by all 128
// threads of the warpgroup, when the sums are complete; send() by the one thread of its store warp, if it has one.
#pragma once

#include "ptx/grid_dependency.cuh"
#include "swiglu/activation.cuh"
#include "swiglu/config.h"
#include "swiglu/element.cuh"
#include "swiglu/operands.cuh"
#include "swiglu/params.h"
#include "swiglu/staged_store.cuh"

namespace swiglu::wgmma_sm90 {

template <KernelConfig C, typename Sums>
class Outputs {
  static constexpr Pass kPass = C.problem.pass;
  static constexpr DType kDType = C.problem.dtype;
  static constexpr bool kSwapped = is_swapped(C.tile);
  static constexpr bool kApart = has_halves_apart(C);
  static constexpr int kGroups = StagedStore<C>::kGroups;
  static constexpr int kSlots = StagedStore<C>::kSlots;
  static constexpr int kFetchSlots = StagedStore<C>::kFetchSlots;
  static constexpr int kRounds = staged_rounds(C);
  static constexpr int kOutputs = staged_outputs(kPass);
  static constexpr int kParts = kSwapped ? 1 : C.tile.n / staged_sums(C);  // of a half's columns

  // Of a unit's first element, in memory.
  struct Place {
    int row;
    int column;
  };

 public:
  // `share`: which of the warpgroups that work on one tile this is. The rest as StagedStore takes it.
  __device__ __forceinline__ Outputs(const TmaParams& params, const StagingSlots<C>& slots, int barrier, int share)
      : params_(params), store_(slots, barrier), share_(share) {
    if (fetches_now()) {
      ptx::grid_dependency_wait();
    }
  }

  // Before the products of a tile: starts to fetch what its first units are computed from.
  __device__ __forceinline__ void prepare(const Work& work) {
    if (fetches_now()) {
      store_.template wait_sent<0>();
#pragma unroll
      for (int round = 0; round < kFetchSlots; ++round) {
        fetch(work, round, 0, round);
      }
    }
  }

  __device__ __forceinline__ void write(const Work& work, Sums& sums) {
#pragma unroll
    for (int round = 0; round < kRounds; ++round) {
      if constexpr (kPass == Pass::recompute) {
        write_gate_gradients(work, round, sums);
      } else {
#pragma unroll
        for (int output = 0; output < kOutputs; ++output) {
          if constexpr (is_dw(kPass)) {
            write_weight_gradient(work, round, output, sums);
          } else {
            write_staged(work, round, output, sums);
          }
        }
      }
    }
  }

  __device__ __forceinline__ void finish() const { store_.finish(); }

  // What write() stages of a tile.
  __device__ __forceinline__ static void send(const TmaParams& params, const Work& work, int share,
                                              SlotSender<C>& sender) {
#pragma unroll 1
    for (int round = 0; round < kRounds; ++round) {
#pragma unroll 1
      for (int output = 0; output < kOutputs; ++output) {
        const Place to = place(work, share, round, half_of(output));
        sender.next(map_of(params, output), to.row, to.column);
      }
    }
  }

 private:
  __device__ __forceinline__ bool fetches_now() const {
    if constexpr (kPass == Pass::recompute) {
      return true;
    } else if constexpr (fetches(C.problem)) {
      return params_.accumulate != 0;
    } else {
      return false;
    }
  }

  __device__ __forceinline__ static Place place(const Work& work, int share, int round, int half) {
    const int row = static_cast<int>(work.origin.row) +
                    (kSwapped ? round * staged_sums(C) : (share * kRounds + round) / kParts * kWgmmaRows);
    const int column =
        work.origin.column + half_offset<C>(half) + (kSwapped ? share * kWgmmaRows : round % kParts * staged_sums(C));
    return product(C.problem).transposed ? Place{column, row} : Place{row, column};
  }
  __device__ __forceinline__ Place place(const Work& work, int round, int half) const {
    return place(work, share_, round, half);
  }

  // Of an output of a round that is staged as it is or gated: in the forward pass each has a matrix of its own, and all
  // have the place of the first half in them.
  __device__ __forceinline__ static int half_of(int output) { return is_forward(kPass) ? 0 : output; }
  __device__ __forceinline__ static const TensorMap& map_of(const TmaParams& params, int output) {
    return params.out[is_forward(kPass) || is_dw_of_both(kPass) ? output : 0];
  }

  __device__ __forceinline__ void fetch(const Work& work, int round, int half, int slot) const {
    const Place from = place(work, round, half);
    store_.fetch(kPass == Pass::recompute ? params_.dout : gradient_map(half), from.row, from.column, slot);
  }

  // Into slot 0, where what was computed before is on its way out of it.
  __device__ __forceinline__ void fetch_next(const Work& work, int round, int half) const {
    store_.template wait_sent<0>();
    fetch(work, round, half, 0);
  }

  __device__ __forceinline__ const TensorMap& gradient_map(int half) const { return map_of(params_, half); }

  // Where among the accumulators a unit's group stands.
  __device__ static __forceinline__ int block_of(int round, int half) {
    return kSwapped ? half : kApart ? 2 * (round / kParts) + half : round / kParts;
  }
  __device__ static __forceinline__ int group_of(int round, int half, int j) {
    return (kSwapped ? round : (kApart ? 0 : half * kParts) + round % kParts) * kGroups + j;
  }
  __device__ static __forceinline__ float value(const Sums& sums, int round, int half, int j, int e) {
    return sums.value(block_of(round, half), group_of(round, half, j), e);
  }

  // Or the compiler would compute a round's values before, for which registers would not do. What was written in
  // earlier rounds need not be held.
  __device__ static __forceinline__ void hold(Sums& sums, int round) {
    sums.hold(block_of(round, 0), group_of(round, 0, 0));
  }

  // Of a round's outputs one: sums as they are, and in the forward pass what the gate makes of them, which comes first.
  __device__ __forceinline__ void write_staged(const Work& work, int round, int output, Sums& sums) {
    constexpr bool kForward = is_forward(kPass);
    const int half = kForward ? output - 1 : output;
    const int slot = (round * kOutputs + output) % kSlots;
    const Place to = place(work, round, half_of(output));
    store_.begin_next(slot);
    hold(sums, round);
    if (kForward && output == 0) {
      const auto gated = [&](int j, int e) { return gate(value(sums, round, 0, j, e), value(sums, round, 1, j, e)); };
      store_.stage([&](int j, int e) { return pack<kDType>(gated(j, e), gated(j, e + 1)); }, slot);
    } else {
      store_.stage([&](int j, int e) { return sums.packed(block_of(round, half), group_of(round, half, j), e); }, slot);
    }
    store_.send(map_of(params_, output), to.row, to.column, slot);
  }

  // dg takes the place of dout in the staging; du waits in registers for the last slot, which may be the same.
  __device__ __forceinline__ void write_gate_gradients(const Work& work, int round, Sums& sums) {
    unsigned du[2 * kGroups];
    const Place to = place(work, round, 0);
    const int slot = round % kFetchSlots;
    store_.wait_fetched(slot);
    hold(sums, round);
    store_.update(
        [&](int j, int e, unsigned packed) {
          const FloatPair dout = unpack<kDType>(packed);
          const auto gradient = [&](int element, float upstream) {
            return gate_gradient(value(sums, round, 0, j, element), value(sums, round, 1, j, element), upstream);
          };
          const GateGradient low = gradient(e, dout.low);
          const GateGradient high = gradient(e + 1, dout.high);
          du[2 * j + e / 2] = pack<kDType>(low.du, high.du);
          return pack<kDType>(low.dg, high.dg);
        },
        slot);
    store_.send(params_.out[0], to.row, to.column, slot);
    store_.template begin<kSlots == 1 ? 0 : 1>();
    if (kFetchSlots > 1 && round > 0 && round - 1 + kFetchSlots < kRounds) {
      fetch(work, round - 1 + kFetchSlots, 0, (round - 1) % kFetchSlots);  // the dg before this one has been read
    }
    store_.stage([&](int j, int e) { return du[2 * j + e / 2]; }, kSlots - 1);
    store_.send(params_.out[1], to.row, to.column, kSlots - 1);
    if (kFetchSlots == 1 && round + 1 < kRounds) {
      fetch_next(work, round + 1, 0);
    }
  }

  __device__ __forceinline__ void write_weight_gradient(const Work& work, int round, int half, Sums& sums) {
    if (params_.floats[0] != nullptr) {
      write_floats(work, round, half, sums);
    } else if constexpr (C.problem.gradient == Gradient::element) {
      if (fetches_now()) {
        add_staged(work, round, half, sums);
      } else {
        write_staged(work, round, half, sums);
      }
    }
  }

  __device__ __forceinline__ void add_staged(const Work& work, int round, int half, Sums& sums) {
    const Place to = place(work, round, half);
    store_.wait_fetched(0);
    hold(sums, round);
    store_.update(
        [&](int j, int e, unsigned packed) {
          const FloatPair old = unpack<kDType>(packed);
          return pack<kDType>(value(sums, round, half, j, e) + old.low, value(sums, round, half, j, e + 1) + old.high);
        },
        0);
    store_.send(gradient_map(half), to.row, to.column, 0);
    if (half == 0) {
      fetch_next(work, round, 1);
    } else if (round + 1 < kRounds) {
      fetch_next(work, round + 1, 0);
    }
  }

  // Written, or added to what is there: then a batch of loads is on its way before its sums are stored.
  __device__ __forceinline__ void write_floats(const Work& work, int round, int half, const Sums& sums) const {
    constexpr int kBatch = has_gradients_ahead(kPass) ? 1 : 4;  // groups; few registers are left then
    const FloatUnit unit = float_unit(work, round, half);
    const bool add = params_.accumulate != 0;
#pragma unroll
    for (int batch = 0; batch < kGroups; batch += kBatch) {
      FloatPair old[kBatch][2];
      if (add) {
#pragma unroll
        for (int i = 0; i < 2 * kBatch; ++i) {
          if (batch + i / 2 < kGroups) {
            old[i / 2][i % 2] = unit.load(batch + i / 2, i % 2);
          }
        }
      }
#pragma unroll
      for (int i = 0; i < 2 * kBatch; ++i) {
        const int j = batch + i / 2;
        if (j < kGroups) {
          FloatPair sum{value(sums, round, half, j, i % 2 * 2), value(sums, round, half, j, i % 2 * 2 + 1)};
          if (add) {
            sum.low += old[i / 2][i % 2].low;
            sum.high += old[i / 2][i % 2].high;
          }
          unit.store(j, i % 2, sum);
        }
      }
    }
  }

  // A thread's pairs of neighbouring columns of sums in an f32 matrix.
  struct FloatUnit {
    static constexpr bool kUpright = sums_lie_upright(C);
    float* at;  // of group 0, rows + 0
    long long ld;
    int rows_left;  // from there on; may be none, or less
    int columns_left;

    // Of group j, rows + 0 or + 8 of the sums.
    __device__ __forceinline__ int row(int j, int eighth) const { return kUpright ? 8 * eighth : 8 * j; }
    __device__ __forceinline__ int column(int j, int eighth) const { return kUpright ? 8 * j : 8 * eighth; }
    __device__ __forceinline__ float* low(int j, int eighth) const {
      return at + (row(j, eighth) * ld + column(j, eighth));
    }
    __device__ __forceinline__ bool low_is_inside(int j, int eighth) const {
      return row(j, eighth) < rows_left && column(j, eighth) < columns_left;
    }
    __device__ __forceinline__ bool high_is_inside(int j, int eighth) const {
      return kUpright ? row(j, eighth) < rows_left && column(j, eighth) + 1 < columns_left
                      : row(j, eighth) + 1 < rows_left && column(j, eighth) < columns_left;
    }

    __device__ __forceinline__ FloatPair load(int j, int eighth) const {
      const float* const from = low(j, eighth);
      if (kUpright && high_is_inside(j, eighth)) {
        return *reinterpret_cast<const FloatPair*>(from);
      }
      return {low_is_inside(j, eighth) ? *from : 0.0f, high_is_inside(j, eighth) ? from[kUpright ? 1 : ld] : 0.0f};
    }

    __device__ __forceinline__ void store(int j, int eighth, FloatPair sum) const {
      float* const to = low(j, eighth);
      if (kUpright && high_is_inside(j, eighth)) {
        *reinterpret_cast<FloatPair*>(to) = sum;
        return;
      }
      if (low_is_inside(j, eighth)) {
        *to = sum.low;
      }
      if (high_is_inside(j, eighth)) {
        to[kUpright ? 1 : ld] = sum.high;
      }
    }
  };

  __device__ __forceinline__ FloatUnit float_unit(const Work& work, int round, int half) const {
    const int second = is_dw_of_both(kPass) ? half : 0;
    const Place first = place(work, round, half);
    const int thread = static_cast<int>(threadIdx.x) % kWarpgroupThreads;
    const int row_of_sums = thread / kWarpThreads * 16 + thread % kWarpThreads / 4;
    const int column_of_sums = thread % 4 * 2;
    const int row = first.row + (FloatUnit::kUpright ? row_of_sums : column_of_sums);
    const int column = first.column + (FloatUnit::kUpright ? column_of_sums : row_of_sums);
    const long long ld = params_.ld_floats[second];
    return {params_.floats[second] + (work.split * params_.floats_split + row * ld + column), ld,
            weight_rows(C.problem) - row, weight_columns(C.problem) - column};
  }

  const TmaParams& params_;
  StagedStore<C> store_;
  int share_;
};

}  // namespace swiglu::wgmma_sm90
