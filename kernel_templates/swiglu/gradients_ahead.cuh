// dg and du, computed beside the product that multiplies them (Pass::dgate_dx): the producer's other warps derive them
// from dout, g and u, ahead of the tiles that read them. The one takes as long as memory takes to be read and written,
// the other as long as the tensor cores multiply; beside each other they take little more than the longer of the two.
//
// Tokens are taken by groups of as many rows as the resident blocks' tiles have, and of a group the columns by sections
// of kSectionColumns, in the order in which tiles multiply them. A section of a group is made of tasks, some rows of it
// each, which warps of any block draw one by one: whoever waits for a section waits for blocks that run, whatever else
// the card is busy with. All know of all others' progress by counters in the caller's workspace that are zero before
// the launch:
//
//   bytes 0 to 7: tasks drawn   from byte 8 on, 4 each: tasks done, of each section of each group
//
// Every block finds out for itself up to which section all are done, and keeps that in its shared memory.
#pragma once

#include "ptx/cp_async.cuh"
#include "ptx/grid_dependency.cuh"
#include "ptx/memory.cuh"
#include "ptx/progress.cuh"
#include "swiglu/activation.cuh"
#include "swiglu/chunk.cuh"
#include "swiglu/config.h"
#include "swiglu/element.cuh"
#include "swiglu/params.h"

namespace swiglu::wgmma_sm90 {

template <KernelConfig C>
struct Sections {
  static constexpr auto kOfGroup = static_cast<unsigned>(sections(C.problem));

  long long m;
  unsigned group_rows;

  __device__ __forceinline__ explicit Sections(long long tokens)
      : m(tokens), group_rows(static_cast<unsigned>(C.tile.m * rows_at_once(C, gridDim.x))) {}

  __device__ __forceinline__ unsigned count() const {
    return static_cast<unsigned>(ceil_div(m, group_rows)) * kOfGroup;
  }

  // Of a tile of rows from `row` on, the section of its last row that begins at column 0.
  __device__ __forceinline__ unsigned first_of_tile(long long row) const {
    const long long end = row + C.tile.m;
    return static_cast<unsigned>(((end < m ? end : m) - 1) / group_rows) * kOfGroup;
  }
};

template <KernelConfig C>
class GradientsAhead {
  static constexpr DType kDType = C.problem.dtype;
  static constexpr int kColumns = C.problem.d_intermediate;
  static constexpr bool kWhole = kColumns % kStreamedElements == 0;
  static constexpr int kTaskRows = 16;
  static constexpr int kSlots = ahead_slots(C);
  static_assert(kTaskRows % kSlots == 0 && C.tile.m % kTaskRows == 0);
  static constexpr unsigned kMatrixBytes = kAheadThreads * kChunkBytes;
  using Chunk = ptx::Packet<kChunkBytes>;

 public:
  // By whole warps. `slots` and `state`: shared addresses, of ahead_slots() and of how many sections are done.
  __device__ __forceinline__ GradientsAhead(const GradientParams& params, long long m, unsigned slots, unsigned state)
      : params_(params),
        sections_(m),
        count_(sections_.count()),
        section_tasks_(sections_.group_rows / static_cast<unsigned>(kTaskRows)),
        slots_(slots + threadIdx.x % kWarpgroupThreads % kAheadThreads * kChunkBytes),
        state_(state),
        lane_(threadIdx.x % kWarpThreads) {}

  __device__ __forceinline__ void run() {
    Task task = draw();
    Source source = source_of(task);
#pragma unroll 1
    for (int slot = 0; slot < kSlots; ++slot) {
      ask(source, slot);
    }
    while (task.section < count_) {
      const Task next = draw();
      const unsigned seen = look();
      compute(task, next, source);
      finish(task, seen);
      task = next;
    }
    while (done_ < count_) {
      hear(look());
    }
  }

 private:
  struct Task {
    unsigned section;
    long long row;
  };

  __device__ __forceinline__ Task draw() const {
    const unsigned long long drawn = lane_ == 0 ? ptx::add_relaxed(params_.drawn, 1ull) : 0;
    const unsigned long long number = __shfl_sync(~0u, drawn, 0);
    const unsigned long long section = number / section_tasks_;
    const auto within = static_cast<unsigned>(number - section * section_tasks_);
    const unsigned group = static_cast<unsigned>(section) / Sections<C>::kOfGroup;
    return {section < count_ ? static_cast<unsigned>(section) : count_,
            static_cast<long long>(group) * sections_.group_rows + within * kTaskRows};
  }

  // Of a lane's chunk in the next row of a task, and how many rows are left.
  struct Source {
    const unsigned char* dout;
    const unsigned char* g;
    const unsigned char* u;
    int rows;
    int valid;  // elements
  };

  __device__ __forceinline__ int column_of(const Task& task) const {
    return static_cast<int>(task.section % Sections<C>::kOfGroup * static_cast<unsigned>(kSectionColumns) +
                            lane_ * kStreamedElements);
  }
  __device__ __forceinline__ int rows_of(const Task& task) const {
    const long long left = sections_.m - task.row;
    return task.section >= count_ || column_of(task) >= kColumns ? 0
           : left < kTaskRows                                    ? static_cast<int>(left)
                                                                 : kTaskRows;
  }
  __device__ static __forceinline__ int valid_at(int column) {
    const int left = kColumns - column;
    return left < kStreamedElements ? left : kStreamedElements;
  }

  __device__ __forceinline__ Source source_of(const Task& task) const {
    const int column = column_of(task);
    const auto at = [&](const void* matrix, long long ld) {
      return static_cast<const unsigned char*>(matrix) + (task.row * ld + column) * kElementBytes;
    };
    return {at(params_.dout, params_.ld_dout), at(params_.g, params_.ld_g), at(params_.u, params_.ld_u), rows_of(task),
            valid_at(column)};
  }

  __device__ __forceinline__ void ask(Source& source, int slot) const {
    if (source.rows > 0) {
      const unsigned to = slots_ + static_cast<unsigned>(slot * kAheadSlotBytes);
      const auto copy = [&](unsigned matrix, const unsigned char*& from, long long ld) {
        if constexpr (kWhole) {
          ptx::cp_async<kChunkBytes>(to + matrix * kMatrixBytes, from);
        } else {
          ptx::cp_async<kChunkBytes>(to + matrix * kMatrixBytes, from, source.valid * kElementBytes);
        }
        from += ld * kElementBytes;
      };
      copy(0, source.dout, params_.ld_dout);
      copy(1, source.g, params_.ld_g);
      copy(2, source.u, params_.ld_u);
      --source.rows;
    }
    ptx::cp_async_commit();
  }

  // `source` is kSlots rows ahead, at last those of the next task.
  __device__ __forceinline__ void compute(const Task& task, const Task& next, Source& source) const {
    const int column = column_of(task);
    const int valid = valid_at(column);
    const int rows = rows_of(task);
    const long long offset = (task.row * params_.ld_dg + column) * kElementBytes;
    auto* dg_at = static_cast<unsigned char*>(params_.dg) + offset;
    auto* du_at = static_cast<unsigned char*>(params_.du) + offset;
#pragma unroll 1
    for (int first = 0; first < kTaskRows; first += kSlots) {
      if (first + kSlots == kTaskRows) {
        source = source_of(next);
      }
#pragma unroll
      for (int slot = 0; slot < kSlots; ++slot) {
        ptx::cp_async_wait<kSlots - 1>();
        if (first + slot < rows) {
          const unsigned from = slots_ + static_cast<unsigned>(slot * kAheadSlotBytes);
          const auto dout = ptx::load_shared<kChunkBytes>(from);
          const auto g = ptx::load_shared<kChunkBytes>(from + kMatrixBytes);
          const auto u = ptx::load_shared<kChunkBytes>(from + 2 * kMatrixBytes);
          ask(source, slot);
          Chunk dg;
          Chunk du;
          derive(dout, g, u, dg, du);
          store_chunk<kChunkBytes, kWhole>(dg_at, dg, valid);
          store_chunk<kChunkBytes, kWhole>(du_at, du, valid);
        } else {
          ask(source, slot);
        }
        dg_at += params_.ld_dg * kElementBytes;
        du_at += params_.ld_dg * kElementBytes;
      }
    }
  }

  // In stages of all elements, as each depends on the one before and the warp is alone.
  __device__ static __forceinline__ void derive(const Chunk& douts, const Chunk& gs, const Chunk& us, Chunk& dg,
                                                Chunk& du) {
    float sigmoids[kStreamedElements];
#pragma unroll
    for (int i = 0; i < kStreamedElements; i += 2) {
      const FloatPair g = unpack<kDType>(gs.words[i / 2]);
      sigmoids[i] = exp_minus(bound_gate(g.low));
      sigmoids[i + 1] = exp_minus(bound_gate(g.high));
    }
#pragma unroll
    for (float& s : sigmoids) {
      s = ptx::rcp_approx(1.0f + s);
    }
#pragma unroll
    for (int i = 0; i < kStreamedElements / 2; ++i) {
      const FloatPair g = unpack<kDType>(gs.words[i]);
      const FloatPair u = unpack<kDType>(us.words[i]);
      const FloatPair dout = unpack<kDType>(douts.words[i]);
      const GateGradient low = gate_gradient(bound_gate(g.low), sigmoids[2 * i], u.low, dout.low);
      const GateGradient high = gate_gradient(bound_gate(g.high), sigmoids[2 * i + 1], u.high, dout.high);
      dg.words[i] = pack<kDType>(low.dg, high.dg);
      du.words[i] = pack<kDType>(low.du, high.du);
    }
  }

  // Tasks done of a section, each lane of another from the first on that is not known to be done.
  __device__ __forceinline__ unsigned look() const {
    const unsigned section = done_ + lane_;
    return section < count_ ? ptx::look_at(params_.done + section) : 0;
  }

  __device__ __forceinline__ unsigned news(unsigned seen) const {
    const unsigned undone = ~__ballot_sync(~0u, seen == section_tasks_);
    return undone == 0 ? kWarpThreads : static_cast<unsigned>(__ffs(static_cast<int>(undone))) - 1;
  }

  // After a fence that follows the look.
  __device__ __forceinline__ void tell(unsigned more) {
    done_ += more;
    if (lane_ == 0) {
      ptx::raise_shared(state_, done_);
    }
  }

  __device__ __forceinline__ void hear(unsigned seen) {
    if (const unsigned more = news(seen); more > 0) {
      ptx::fence_gpu();
      tell(more);
    }
  }

  __device__ __forceinline__ void finish(const Task& task, unsigned seen) {
    __syncwarp();
    ptx::fence_gpu();
    if (lane_ == 0) {
      ptx::add_done(params_.done + task.section);
    }
    if (const unsigned more = news(seen); more > 0) {
      tell(more);
    }
  }

  const GradientParams& params_;
  Sections<C> sections_;
  unsigned count_;  // sections of all groups
  unsigned section_tasks_;
  unsigned slots_;  // the lane's chunk of dout in the first one
  unsigned state_;
  unsigned lane_;
  unsigned done_ = 0;  // sections that are known to be done
};

// What the producer waits for: of a tile, section after section. Of every pass; there is nothing to wait for but in
// dgate_dx.
template <KernelConfig C>
class GradientsAwaited {
  static constexpr bool kAny = C.problem.pass == Pass::dgate_dx;

 public:
  __device__ __forceinline__ GradientsAwaited(long long m, unsigned state) : sections_(m), state_(state) {}

  __device__ __forceinline__ void begin(long long row) {
    if constexpr (kAny) {
      first_ = sections_.first_of_tile(row);
    }
  }

  // Before columns from k on are loaded.
  __device__ __forceinline__ void wait(int k) {
    if constexpr (kAny) {
      const unsigned section = first_ + static_cast<unsigned>(k / kSectionColumns);
      if (done_ <= section) {
        while (done_ <= section) {
          done_ = ptx::look_at_shared(state_);
        }
        ptx::fence_async();
      }
    }
  }

 private:
  Sections<C> sections_;
  unsigned state_;
  unsigned first_ = 0;
  unsigned done_ = 0;
};

}  // namespace swiglu::wgmma_sm90
