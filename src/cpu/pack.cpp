// Widening is written out here, inline and without branches, because base/numeric converts one value a call and a small
// m spends its time in this file. A test holds the two equal on all 2^16 patterns.
#include "cpu/pack.h"

#include <algorithm>
#include <bit>

namespace swiglu::cpu {
namespace {

template <DType kDType>
float widen(std::uint16_t bits) {
  const std::uint32_t wide = bits;
  if constexpr (kDType == DType::bf16) {
    return std::bit_cast<float>(wide << 16);
  } else {
    const std::uint32_t sign = (wide & 0x8000u) << 16;
    const std::uint32_t shifted = (wide & 0x7fffu) << 13;
    constexpr std::uint32_t kRebias = 112u << 23;  // exponent bias 127 instead of 15
    constexpr std::uint32_t kSmallestNormal = 0x0400u << 13;
    constexpr std::uint32_t kInfinity = 0x7c00u << 13;
    // A denormal gets an implicit one by the addition, which the subtraction takes away again.
    const float denormal = std::bit_cast<float>(shifted + kRebias + (1u << 23)) - 0x1p-14f;
    const std::uint32_t finite = shifted < kSmallestNormal ? std::bit_cast<std::uint32_t>(denormal) : shifted + kRebias;
    return std::bit_cast<float>(sign | (shifted >= kInfinity ? finite + kRebias : finite));
  }
}

constexpr int kChunk = 16;  // elements widened at a time, as vectors

template <DType kDType, typename Real>
void widen_chunk(const std::uint16_t* from, Real* to) {
  for (int i = 0; i < kChunk; ++i) {
    to[i] = widen<kDType>(from[i]);
  }
}

template <DType kDType, typename Real>
void widen_tail(const std::uint16_t* from, int count, Real* to) {
  for (int i = 0; i < count; ++i) {
    to[i] = widen<kDType>(from[i]);
  }
}

// One panel of transposed rows. Chunks of k outside, so that the slice of the panel being scattered to stays in L1.
template <DType kDType, typename Real>
void transpose(const Block& block, int lanes, int depth, int width, Real* panel) {
  if (lanes < width) {
    std::fill_n(panel, static_cast<long long>(depth) * width, Real{0});
  }
  for (int first = 0; first < depth; first += kChunk) {
    const int steps = std::min(kChunk, depth - first);
    for (int lane = 0; lane < lanes; ++lane) {
      const std::uint16_t* from = block.start + lane * block.pitch + first;
      Real chunk[kChunk];
      if (steps == kChunk) {
        widen_chunk<kDType>(from, chunk);
      } else {
        widen_tail<kDType>(from, steps, chunk);
      }
      Real* to = panel + static_cast<long long>(first) * width + lane;
      for (int i = 0; i < steps; ++i) {
        to[static_cast<long long>(i) * width] = chunk[i];
      }
    }
  }
}

// All panels at once, so that each row of the block is read through before the next, which may be on another page.
template <DType kDType, typename Real>
void copy(const Block& block, int lanes, int depth, int width, Real* panels) {
  for (int k = 0; k < depth; ++k) {
    const std::uint16_t* from = block.start + k * block.pitch;
    for (int first = 0; first < lanes; first += width) {
      Real* to = panels + (static_cast<long long>(first) * depth + static_cast<long long>(k) * width);
      const int valid = std::min(width, lanes - first);
      if (valid == width && width % kChunk == 0) {
        for (int i = 0; i < width; i += kChunk) {
          widen_chunk<kDType>(from + first + i, to + i);
        }
      } else {
        widen_tail<kDType>(from + first, valid, to);
        std::fill(to + valid, to + width, Real{0});
      }
    }
  }
}

template <typename Real>
void rows(const Block& block, int lanes, int depth, int width, Real* panels) {
  const auto pack = block.dtype == DType::bf16 ? transpose<DType::bf16, Real> : transpose<DType::f16, Real>;
  for (int first = 0; first < lanes; first += width) {
    pack({block.dtype, block.start + first * block.pitch, block.pitch}, std::min(width, lanes - first), depth, width,
         panels + static_cast<long long>(first) * depth);
  }
}

template <typename Real>
void columns(const Block& block, int lanes, int depth, int width, Real* panels) {
  const auto pack = block.dtype == DType::bf16 ? copy<DType::bf16, Real> : copy<DType::f16, Real>;
  pack(block, lanes, depth, width, panels);
}

// Lane l at k of panel p: start[(p * width + l) * lane_pitch + k * k_pitch].
template <typename Real>
void gather(const Real* start, long long lane_pitch, long long k_pitch, int lanes, int depth, int width, Real* panels) {
  for (int first = 0; first < lanes; first += width) {
    const int valid = std::min(width, lanes - first);
    Real* panel = panels + static_cast<long long>(first) * depth;
    for (int k = 0; k < depth; ++k, panel += width) {
      const Real* from = start + first * lane_pitch + k * k_pitch;
      for (int lane = 0; lane < valid; ++lane) {
        panel[lane] = from[lane * lane_pitch];
      }
      std::fill(panel + valid, panel + width, Real{0});
    }
  }
}

}  // namespace

void pack_rows(const Block& block, int lanes, int depth, int width, float* panels) {
  rows(block, lanes, depth, width, panels);
}
void pack_rows(const Block& block, int lanes, int depth, int width, double* panels) {
  rows(block, lanes, depth, width, panels);
}
void pack_columns(const Block& block, int lanes, int depth, int width, float* panels) {
  columns(block, lanes, depth, width, panels);
}
void pack_columns(const Block& block, int lanes, int depth, int width, double* panels) {
  columns(block, lanes, depth, width, panels);
}

void pack_rows(const WideBlock<float>& block, int lanes, int depth, int width, float* panels) {
  gather(block.start, block.pitch, 1, lanes, depth, width, panels);
}
void pack_rows(const WideBlock<double>& block, int lanes, int depth, int width, double* panels) {
  gather(block.start, block.pitch, 1, lanes, depth, width, panels);
}
void pack_columns(const WideBlock<float>& block, int lanes, int depth, int width, float* panels) {
  gather(block.start, 1, block.pitch, lanes, depth, width, panels);
}
void pack_columns(const WideBlock<double>& block, int lanes, int depth, int width, double* panels) {
  gather(block.start, 1, block.pitch, lanes, depth, width, panels);
}

}  // namespace swiglu::cpu
