// What is computed element by element, at the speed of memory: dg and du from stored g and u (Pass::dgate), the sums of
// the splits' parts of the weights' gradients (Pass::dw_sum), and copies between the caller's rows and padded ones
// (Pass::pad, Pass::unpad).
//
// Each thread takes one chunk of 8 elements of a row of every matrix, 16 bytes where the rows' alignment allows; chunks
// are numbered through all rows, so that every thread of a block has one whatever the length of a row. The last chunk
// of a row is shorter where 8 does not divide it. No shared memory, no barriers.
#pragma once

#include "ptx/grid_dependency.cuh"
#include "ptx/memory.cuh"
#include "swiglu/activation.cuh"
#include "swiglu/chunk.cuh"
#include "swiglu/config.h"
#include "swiglu/element.cuh"
#include "swiglu/params.h"
#include "swiglu/validity.h"

namespace swiglu::streaming {

inline constexpr int kElements = kStreamedElements;

// A thread's chunk.
struct Place {
  long long row;
  int column;
  int valid;  // elements, 1 .. 8
};

template <KernelConfig C, int kRowLength>
__device__ __forceinline__ Place place_of(unsigned block) {
  constexpr unsigned kRowChunks = static_cast<unsigned>(ceil_div(kRowLength, kElements));
  const unsigned long long first = static_cast<unsigned long long>(block) * threads(C);
  const unsigned long long row = first / kRowChunks;
  const unsigned within = static_cast<unsigned>(first - row * kRowChunks) + threadIdx.x;
  const unsigned rows_down = within / kRowChunks;
  const int column = static_cast<int>(within - rows_down * kRowChunks) * kElements;
  const int left = kRowLength - column;
  return {static_cast<long long>(row + rows_down), column, left < kElements ? left : kElements};
}

__device__ __forceinline__ unsigned short element_of(const ptx::Packet<kChunkBytes>& chunk, int index) {
  return static_cast<unsigned short>(chunk.words[index / 2] >> (index % 2 * 16) & 0xffffu);
}

template <KernelConfig C>
__device__ __forceinline__ void dgate(const BackwardParams& params) {
  constexpr DType kDType = C.problem.dtype;
  constexpr bool kWhole = C.problem.d_intermediate % kElements == 0;
  const Place place = place_of<C, C.problem.d_intermediate>(blockIdx.x);
  if (place.row >= params.m) {
    return;
  }
  const auto load = [&](const void* matrix, long long ld) {
    const auto* from = static_cast<const unsigned char*>(matrix) + (place.row * ld + place.column) * kElementBytes;
    return load_chunk<C.problem.access_bytes, kWhole>(from, place.valid);
  };
  const ptx::Packet<kChunkBytes> dout = load(params.dout, params.ld_dout);
  const ptx::Packet<kChunkBytes> g = load(params.g, params.ld_g);
  const ptx::Packet<kChunkBytes> u = load(params.u, params.ld_u);
  ptx::Packet<kChunkBytes> dg;
  ptx::Packet<kChunkBytes> du;
#pragma unroll
  for (int i = 0; i < kElements; i += 2) {
    const auto derive = [&](int index) {
      return gate_gradient(to_float<kDType>(element_of(g, index)), to_float<kDType>(element_of(u, index)),
                           to_float<kDType>(element_of(dout, index)));
    };
    const GateGradient low = derive(i);
    const GateGradient high = derive(i + 1);
    dg.words[i / 2] = pack<kDType>(low.dg, high.dg);
    du.words[i / 2] = pack<kDType>(low.du, high.du);
  }
  // The workspace's rows are aligned whatever the caller's are.
  const long long at = (place.row * params.ld_dg + place.column) * kElementBytes;
  store_chunk<kChunkBytes, kWhole>(static_cast<unsigned char*>(params.dg) + at, dg, place.valid);
  store_chunk<kChunkBytes, kWhole>(static_cast<unsigned char*>(params.du) + at, du, place.valid);
}

// Adds the valid ones of 8 floats in memory.
__device__ __forceinline__ void add_floats(float (&sums)[kElements], const float* from, int valid) {
  if (valid == kElements) {
#pragma unroll
    for (int i = 0; i < kElements; i += 4) {
      const ptx::Packet<kChunkBytes> packet = ptx::load_global<kChunkBytes>(from + i);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        sums[i + j] += __uint_as_float(packet.words[j]);
      }
    }
    return;
  }
#pragma unroll
  for (int i = 0; i < kElements; ++i) {
    if (i < valid) {
      sums[i] += from[i];
    }
  }
}

template <KernelConfig C>
__device__ __forceinline__ void put_floats(float* to, const float (&sums)[kElements], int valid, bool add) {
  constexpr int kFloats = C.problem.access_bytes >= 8 ? C.problem.access_bytes / 4 : 1;
#pragma unroll
  for (int i = 0; i < kElements; i += kFloats) {
    if (kFloats > 1 && i + kFloats <= valid) {
      ptx::Packet<kFloats * 4> packet{};
      if (add) {
        packet = ptx::load_global<kFloats * 4>(to + i);
      }
#pragma unroll
      for (int j = 0; j < kFloats; ++j) {
        packet.words[j] = __float_as_uint(add ? __uint_as_float(packet.words[j]) + sums[i + j] : sums[i + j]);
      }
      ptx::store_global<kFloats * 4>(to + i, packet);
      continue;
    }
#pragma unroll
    for (int j = i; j < i + kFloats; ++j) {
      if (j < valid) {
        to[j] = add ? to[j] + sums[j] : sums[j];
      }
    }
  }
}

template <KernelConfig C>
__device__ __forceinline__ void put_elements(unsigned char* to, const float (&sums)[kElements], int valid, bool add) {
  constexpr DType kDType = C.problem.dtype;
  constexpr bool kWhole = weight_columns(C.problem) % kElements == 0;
  ptx::Packet<kChunkBytes> packet{};
  if (add) {
    packet = load_chunk<C.problem.access_bytes, kWhole>(to, valid);
  }
#pragma unroll
  for (int i = 0; i < kElements; i += 2) {
    const auto sum = [&](int index) {
      return add ? to_float<kDType>(element_of(packet, index)) + sums[index] : sums[index];
    };
    packet.words[i / 2] = pack<kDType>(sum(i), sum(i + 1));
  }
  store_chunk<C.problem.access_bytes, kWhole>(to, packet, valid);
}

// Rows of both weights' gradients, dWg's first. The parts are added in their order, then to what is there: the same
// bits every time.
template <KernelConfig C>
__device__ __forceinline__ void dw_sum(const BackwardParams& params) {
  constexpr int kRows = weight_rows(C.problem);
  const Place place = place_of<C, weight_columns(C.problem)>(blockIdx.x);
  const bool up = place.row >= kRows;
  void* const matrix = up ? params.dw_up : params.dw_gate;
  if (place.row >= 2LL * kRows || matrix == nullptr) {
    return;
  }
  const long long row = place.row - (up ? kRows : 0);
  const bool both = params.dw_gate != nullptr && params.dw_up != nullptr;
  const long long split_pitch = (both ? 2LL : 1LL) * kRows * params.ld_partials;
  const float* part = params.partials + ((both && up ? kRows : 0LL) + row) * params.ld_partials + place.column;
  float sums[kElements] = {};
#pragma unroll 1
  for (int split = 0; split < params.splits; ++split) {
    add_floats(sums, part, place.valid);
    part += split_pitch;
  }
  const long long at = row * (up ? params.ld_dw_up : params.ld_dw_gate) + place.column;
  const bool add = params.accumulate != 0;
  if constexpr (C.problem.gradient == Gradient::f32) {
    put_floats<C>(static_cast<float*>(matrix) + at, sums, place.valid, add);
  } else {
    put_elements<C>(static_cast<unsigned char*>(matrix) + at * kElementBytes, sums, place.valid, add);
  }
}

template <KernelConfig C>
__device__ __forceinline__ void backward(const BackwardParams& params) {
  static_assert(why_invalid(C) == nullptr, "not a valid configuration: see swiglu/validity.h");
  // It lets the next kernel begin when it ends and no sooner: begun one by one, the multiprocessors would read less of
  // what dx multiplies at the same time, and that costs more than the wait (docs/measurements.md).
  ptx::grid_dependency_wait();
  if constexpr (C.problem.pass == Pass::dgate) {
    dgate<C>(params);
  } else {
    dw_sum<C>(params);
  }
}

template <KernelConfig C, int kMatrix>
__device__ __forceinline__ void copy_matrix(const CopyParams::Matrix& matrix, unsigned block) {
  constexpr int kColumns = copied_columns(C.problem, kMatrix);
  constexpr bool kWhole = kColumns % kElements == 0;
  const Place place = place_of<C, kColumns>(block);
  if (place.row >= matrix.rows) {
    return;
  }
  const auto* from =
      static_cast<const unsigned char*>(matrix.from) + (place.row * matrix.ld_from + place.column) * kElementBytes;
  auto* to = static_cast<unsigned char*>(matrix.to) + (place.row * matrix.ld_to + place.column) * kElementBytes;
  if constexpr (C.problem.pass == Pass::pad) {  // all of the last chunk, too: the padding is nobody else's
    store_chunk<kChunkBytes, true>(to, load_chunk<C.problem.access_bytes, kWhole>(from, place.valid), kElements);
  } else {
    store_chunk<C.problem.access_bytes, kWhole>(to, load_chunk<kChunkBytes, kWhole>(from, place.valid), place.valid);
  }
}

static_assert(sizeof(CopyParams) == kCopied * sizeof(CopyParams::Matrix));

// The matrices' blocks follow one another, each matrix begins with a block of its own.
template <KernelConfig C, int kMatrix = 0>
__device__ __forceinline__ void copy(const CopyParams& params, unsigned block = blockIdx.x) {
  static_assert(why_invalid(C) == nullptr, "not a valid configuration: see swiglu/validity.h");
  const CopyParams::Matrix& matrix = params.matrices[kMatrix];
  if constexpr (kMatrix + 1 < kCopied) {
    const auto blocks = static_cast<unsigned>(copied_blocks(C, kMatrix, matrix.rows));
    if (block >= blocks) {
      copy<C, kMatrix + 1>(params, block - blocks);
      return;
    }
  }
  copy_matrix<C, kMatrix>(matrix, block);
}

}  // namespace swiglu::streaming
