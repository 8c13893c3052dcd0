// dg and du, computed beside the product that multiplies them (Pass::dgate_dx and dgate_dw): the producer's other warps
// derive them from dout, g and u, ahead of the tiles that read them. The one takes as long as memory takes to be read
// and written, the other as long as the tensor cores multiply; beside each other they take little more than the longer
// of the two.
//
// They are taken by sections, in the order in which tiles multiply them:
//
//   dgate_dx   of as many tokens as the resident blocks' tiles have rows, columns by kSectionColumns
//   dgate_dw   all columns, of as many tokens as a stage has; for products of one wave of tiles, which walk all tokens
//
// A section is made of tasks, some rows by kSectionColumns each, which warps of any block draw one by one: whoever
// waits for a section waits for blocks that run, whatever else the card is busy with. All know of all others' progress
// by counters in the caller's workspace, which a kernel before this one clears:
//
//   bytes 0 to 7: tasks drawn   from byte 128 on, 4 each: tasks done, of each section
//
// Boxes of what a task reads come through slots of the warp's own in shared memory, by tensor maps that clip the edges.
//
// Multiprocessors that are left over when tiles are dealt out have a block, too, all of whose warps take tasks: four
// times as many as beside a product, each as fast.
#pragma once

#include "ptx/clock.cuh"
#include "ptx/elect.cuh"
#include "ptx/grid_dependency.cuh"
#include "ptx/mbarrier.cuh"
#include "ptx/memory.cuh"
#include "ptx/progress.cuh"
#include "ptx/tma.cuh"
#include "swiglu/activation.cuh"
#include "swiglu/chunk.cuh"
#include "swiglu/config.h"
#include "swiglu/element.cuh"
#include "swiglu/operands.cuh"
#include "swiglu/params.h"

namespace swiglu::wgmma_sm90 {

// Rows by kSectionColumns, of a section.
struct Task {
  unsigned section;
  int row;  // fits, as rows of tensor maps do
  int column;
  int rows;  // none of those beyond the last section, or beyond the matrix
};

template <KernelConfig C>
struct Sections {
  static constexpr bool kByTokens = is_dw(C.problem.pass);
  static constexpr auto kParts = static_cast<unsigned>(sections(C.problem));  // of all columns
  static constexpr unsigned kOfGroup = kByTokens ? 1 : kParts;
  static constexpr int kTaskRows = 16;

  long long m;
  unsigned group_rows;

  __device__ __forceinline__ explicit Sections(const TmaParams& params)
      : m(params.m),
        group_rows(static_cast<unsigned>(kByTokens ? C.tile.k : C.tile.m * rows_at_once(C, walkers<C>(params)))) {}

  __device__ __forceinline__ unsigned count() const {
    return static_cast<unsigned>(ceil_div(m, group_rows)) * kOfGroup;
  }

  // Of a section.
  __device__ __forceinline__ unsigned tasks() const {
    return static_cast<unsigned>(ceil_div(group_rows, kTaskRows)) * (kByTokens ? kParts : 1);
  }

  __device__ __forceinline__ Task task(unsigned long long number) const {
    const unsigned long long section = number / tasks();
    if (section >= count()) {
      return {count(), 0, 0, 0};
    }
    const auto within = static_cast<unsigned>(number - section * tasks());
    const unsigned group = static_cast<unsigned>(section) / kOfGroup;
    const unsigned part = kByTokens ? within % kParts : static_cast<unsigned>(section) % kOfGroup;
    const unsigned in_group = (kByTokens ? within / kParts : within) * kTaskRows;
    const long long row = static_cast<long long>(group) * group_rows + in_group;
    const unsigned left_in_group = group_rows - in_group;
    const long long left = m - row < left_in_group ? m - row : left_in_group;
    const int rows = left < 0 ? 0 : left < kTaskRows ? static_cast<int>(left) : kTaskRows;
    return {static_cast<unsigned>(section), static_cast<int>(row), static_cast<int>(part) * kSectionColumns, rows};
  }

  __device__ __forceinline__ unsigned group_of(long long row) const {
    return static_cast<unsigned>((row < m ? row : m - 1) / group_rows);
  }
};

// The kernel before, of clear_blocks().
template <KernelConfig C>
__device__ __forceinline__ void clear_progress(const TmaParams& params) {
  ptx::grid_dependency_wait();
  const long long counter = static_cast<long long>(blockIdx.x) * kClearThreads + threadIdx.x;
  if (counter * kCounterBytes < progress_bytes(C.problem, params.m)) {
    reinterpret_cast<unsigned*>(params.gradients.drawn)[counter] = 0;
  }
}

template <KernelConfig C>
class GradientsAhead {
  static constexpr DType kDType = C.problem.dtype;
  static constexpr int kColumns = C.problem.d_intermediate;
  static constexpr long long kPitch = gradient_pitch(C.problem) * kElementBytes;
  static constexpr bool kWhole = kColumns % kStreamedElements == 0;
  static constexpr int kBoxes = Sections<C>::kTaskRows / kAheadRows;  // of a task
  static constexpr int kSlots = ahead_slots(C);
  static_assert(kBoxes % (2 * kSlots) == 0, "of a task's boxes as many complete even phases as odd ones");
  using Chunk = ptx::Packet<kChunkBytes>;

 public:
  // Barriers of so many warps' slots. By one thread.
  __device__ __forceinline__ static void initialise(unsigned arrived, int warps) {
#pragma unroll 1
    for (int slot = 0; slot < warps * kSlots; ++slot) {
      ptx::mbarrier_init(arrived + static_cast<unsigned>(slot) * kBarrierBytes, 1);
    }
  }

  // By whole warps, each of a number of its own. `slots`, `arrived`: shared addresses, of ahead_slots() of every warp
  // and their barriers.
  __device__ __forceinline__ GradientsAhead(const TmaParams& params, unsigned slots, unsigned arrived, int warp)
      : params_(params.gradients),
        sections_(params),
        count_(sections_.count()),
        slots_(slots + static_cast<unsigned>(warp) * (kSlots * kAheadSlotBytes)),
        arrived_(arrived + static_cast<unsigned>(warp) * (kSlots * kBarrierBytes)) {}

  __device__ __forceinline__ void run() {
    Task task = task_of(draw());
    if (task.rows > 0 && ptx::elect_one()) {
#pragma unroll 1
      for (int box = 0; box < kSlots; ++box) {
        load(task.row + box * kAheadRows, task.column, box);
      }
    }
    Task next = task_of(draw());  // not sooner, or the first sections would be of tasks that warps come to later
    while (task.section < count_) {
      const Ticket drawn = draw();
      compute(task, next);
      finish(task);
      task = next;
      next = task_of(drawn);
    }
  }

 private:
  __device__ static __forceinline__ unsigned lane() { return threadIdx.x % kWarpThreads; }

  // In lane 0.
  using Ticket = unsigned long long;
  __device__ __forceinline__ Ticket draw() const { return lane() == 0 ? ptx::add_relaxed(params_.drawn, 1ull) : 0; }
  __device__ __forceinline__ Task task_of(Ticket drawn) const { return sections_.task(__shfl_sync(~0u, drawn, 0)); }

  // By one thread. Of a task's boxes the one at row and column.
  __device__ __forceinline__ void load(int row, int column, int box) const {
    const auto slot = static_cast<unsigned>(box % kSlots);
    const unsigned barrier = arrived_ + slot * kBarrierBytes;
    ptx::mbarrier_arrive_expect(barrier, kAheadSlotBytes);
#pragma unroll
    for (unsigned matrix = 0; matrix < 3; ++matrix) {
      ptx::tma_load(slots_ + slot * kAheadSlotBytes + matrix * kAheadMatrixBytes, params_.from[matrix], column, row,
                    barrier);
    }
  }

  // When a box of the task has been read: another comes in its place, of this task or the next.
  __device__ __forceinline__ void ask(const Task& task, const Task& next, int box) const {
    const bool of_next = box + kSlots >= kBoxes;
    if ((of_next ? next.rows : task.rows) > 0) {
      load((of_next ? next.row - kBoxes * kAheadRows : task.row) + (box + kSlots) * kAheadRows,
           of_next ? next.column : task.column, box);
    }
  }

  __device__ __forceinline__ void compute(const Task& task, const Task& next) const {
    const int column = task.column + static_cast<int>(lane()) * kStreamedElements;
    const int valid = kColumns - column < kStreamedElements ? kColumns - column : kStreamedElements;
    const int rows = column < kColumns ? task.rows : 0;
    const long long offset = task.row * kPitch + column * kElementBytes;
    auto* dg_at = static_cast<unsigned char*>(params_.dg) + offset;
    auto* du_at = static_cast<unsigned char*>(params_.du) + offset;
#pragma unroll 1
    for (int box = 0; box < kBoxes; ++box) {
      if (task.rows > 0) {
        const auto slot = static_cast<unsigned>(box % kSlots);
        ptx::mbarrier_wait(arrived_ + slot * kBarrierBytes, static_cast<unsigned>(box / kSlots % 2));
        const unsigned from = slots_ + slot * kAheadSlotBytes + lane() * kChunkBytes;
#pragma unroll
        for (int row = 0; row < kAheadRows; ++row) {
          const unsigned of_row = from + static_cast<unsigned>(row) * kSectionColumns * kElementBytes;
          const auto dout = ptx::load_shared<kChunkBytes>(of_row);
          const auto g = ptx::load_shared<kChunkBytes>(of_row + kAheadMatrixBytes);
          const auto u = ptx::load_shared<kChunkBytes>(of_row + 2 * kAheadMatrixBytes);
          Chunk dg;
          Chunk du;
          derive(dout, g, u, dg, du);
          if (box * kAheadRows + row < rows) {
            store_chunk<kChunkBytes, kWhole>(dg_at + row * kPitch, dg, valid);
            store_chunk<kChunkBytes, kWhole>(du_at + row * kPitch, du, valid);
          }
        }
        dg_at += kAheadRows * kPitch;
        du_at += kAheadRows * kPitch;
      }
      // After what was read has been used: a read that is merely on its way can come later than the copy that takes its
      // place, as the tensor cores go first.
      __syncwarp();
      if (ptx::elect_one()) {
        ask(task, next, box);
      }
    }
  }

  // In stages of all elements, as each depends on the one before and the warp is alone.
  __device__ static __forceinline__ void derive(const Chunk& douts, const Chunk& gs, const Chunk& us, Chunk& dg,
                                                Chunk& du) {
    FloatPair bounded[kStreamedElements / 2];
    float sigmoids[kStreamedElements];
#pragma unroll
    for (int i = 0; i < kStreamedElements / 2; ++i) {
      bounded[i] = unpack<kDType>(bound_gates<kDType>(gs.words[i]));
      sigmoids[2 * i] = exp_minus(bounded[i].low);
      sigmoids[2 * i + 1] = exp_minus(bounded[i].high);
    }
#pragma unroll
    for (float& s : sigmoids) {
      s = ptx::rcp_approx(1.0f + s);
    }
#pragma unroll
    for (int i = 0; i < kStreamedElements / 2; ++i) {
      const FloatPair u = unpack<kDType>(us.words[i]);
      const FloatPair dout = unpack<kDType>(douts.words[i]);
      const GateGradient low = gate_gradient(bounded[i].low, sigmoids[2 * i], u.low, dout.low);
      const GateGradient high = gate_gradient(bounded[i].high, sigmoids[2 * i + 1], u.high, dout.high);
      dg.words[i] = pack<kDType>(low.dg, high.dg);
      du.words[i] = pack<kDType>(low.du, high.du);
    }
  }

  __device__ __forceinline__ void finish(const Task& task) const {
    __syncwarp();
    if (lane() == 0) {
      ptx::add_done(params_.done + task.section);
    }
  }

  const GradientParams& params_;
  Sections<C> sections_;
  unsigned count_;  // sections of all groups
  unsigned slots_;  // the warp's, and their barriers
  unsigned arrived_;
};

// All that a block without tiles does. `shared`: its shared memory, in which slots take the place of everything else.
template <KernelConfig C>
__device__ __forceinline__ void compute_without_tiles(const TmaParams& params, unsigned shared) {
  constexpr int kWarps = warps_without_tiles(C);
  const unsigned arrived = shared + kWarps * ahead_slots(C) * kAheadSlotBytes;
  if (threadIdx.x == 0) {
    GradientsAhead<C>::initialise(arrived, kWarps);
    ptx::mbarrier_fence_init();
  }
  __syncthreads();
  const int warp = __shfl_sync(~0u, static_cast<int>(threadIdx.x) / kWarpThreads, 0);
  if (warp < kWarps) {
    ptx::grid_dependency_wait();
    GradientsAhead<C>(params, shared, arrived, warp).run();
  }
}

// What the producer waits for: of a tile, section after section. Of every pass; there is nothing to wait for but where
// gradients are computed ahead.
template <KernelConfig C>
class GradientsAwaited {
  static constexpr bool kAny = has_gradients_ahead(C.problem.pass);
  static constexpr bool kByTokens = Sections<C>::kByTokens;

 public:
  __device__ __forceinline__ explicit GradientsAwaited(const TmaParams& params)
      : done_(params.gradients.done), sections_(params), end_(sections_.count()) {}

  __device__ __forceinline__ void begin(long long row) {
    if constexpr (kAny && !kByTokens) {
      const unsigned group = sections_.group_of(row + C.tile.m - 1);
      first_ = group * Sections<C>::kOfGroup;
      end_ = first_ + Sections<C>::kOfGroup;
      of_two_groups_ = sections_.group_of(row) != group;
    }
  }

  // Before what multiplies k and those after it is loaded: columns of dg and du, or tokens.
  __device__ __forceinline__ void wait(int k) {
    if constexpr (kAny) {
      const unsigned section = first_ + static_cast<unsigned>(k / (kByTokens ? C.tile.k : kSectionColumns));
      if (known_ <= section) {
        wait_for(section);
        unsigned done = done_from(section);
        if (of_two_groups_) {
          wait_for(section - Sections<C>::kOfGroup);
          const unsigned of_former = done_from(section - Sections<C>::kOfGroup);
          done = of_former < done ? of_former : done;
        }
        known_ = section + done;
        ptx::fence_acquire();
        ptx::fence_async_global();
      }
    }
  }

 private:
  static constexpr unsigned kLooks = 8;    // at a time, as a look takes about as long as a stage
  static constexpr unsigned kPause = 250;  // ns; all blocks look at the same counter

  __device__ __forceinline__ void wait_for(unsigned section) const {
    while (ptx::look_at(done_ + section) != sections_.tasks()) {
      ptx::sleep(kPause);
    }
  }

  // Consecutive sections that are done from one on which is, of the tile's and of those looked at.
  __device__ __forceinline__ unsigned done_from(unsigned section) const {
    unsigned counts[kLooks];
#pragma unroll
    for (unsigned i = 1; i < kLooks; ++i) {
      counts[i] = section + i < end_ ? ptx::look_at(done_ + section + i) : 0;
    }
    unsigned done = 1;
#pragma unroll
    for (unsigned i = 1; i < kLooks; ++i) {
      done += done == i && counts[i] == sections_.tasks() ? 1 : 0;
    }
    return done;
  }

  const unsigned* done_;
  Sections<C> sections_;
  unsigned first_ = 0;  // section of the tile's last row
  unsigned end_;
  bool of_two_groups_ = false;  // the tile's rows
  unsigned known_ = 0;          // sections up to which what the tile reads is known to be done
};

}  // namespace swiglu::wgmma_sm90
