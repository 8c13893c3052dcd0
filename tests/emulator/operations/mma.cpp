// mma.sync.m16n8k16: products are exact, each sum of 16 products and the accumulator is formed in double and rounded
// once.
#include <array>
#include <cstring>

#include "base/numeric.h"
#include "operations/operations.h"

namespace swiglu::emulator {
namespace {

constexpr std::size_t kM = 16;
constexpr std::size_t kN = 8;
constexpr std::size_t kK = 16;

struct Operands {
  void* accumulators;
  const unsigned* a;
  const unsigned* b;
};

template <MmaType kType>
double widen(unsigned bits) {
  const auto element = static_cast<std::uint16_t>(bits & 0xffffU);
  return static_cast<double>(kType == MmaType::bf16_f32 ? bf16_to_float(element) : f16_to_float(element));
}

// Fragments of the PTX ISA for .m16n8k16: with group = lane / 4 and in_group = lane % 4, register i of a holds row
// group + 8 * (i % 2), columns 2 * in_group + 8 * (i / 2) and the next; of b rows 2 * in_group + 8 * i and the next,
// column group.
template <MmaType kType>
struct Tiles {
  double a[kM][kK];
  double b[kK][kN];

  explicit Tiles(const LaneOperands& operands) {
    for (std::size_t lane = 0; lane < operands.size(); ++lane) {
      const auto* own = static_cast<const Operands*>(operands[lane]);
      const std::size_t group = lane / 4;
      const std::size_t first = 2 * (lane % 4);
      for (std::size_t i = 0; i < 4; ++i) {
        double* pair = &a[group + 8 * (i % 2)][first + 8 * (i / 2)];
        pair[0] = widen<kType>(own->a[i]);
        pair[1] = widen<kType>(own->a[i] >> 16);
      }
      for (std::size_t i = 0; i < 2; ++i) {
        b[first + 8 * i][group] = widen<kType>(own->b[i]);
        b[first + 8 * i + 1][group] = widen<kType>(own->b[i] >> 16);
      }
    }
  }

  void multiply_add(double (&sums)[kM][kN]) const {
    for (std::size_t m = 0; m < kM; ++m) {
      for (std::size_t k = 0; k < kK; ++k) {
        for (std::size_t n = 0; n < kN; ++n) {
          sums[m][n] += a[m][k] * b[k][n];
        }
      }
    }
  }
};

// Accumulator i of a lane: row group + 8 * (i / 2), column 2 * in_group + i % 2; in f16 a register holds i and i + 1.
double load_accumulator(MmaType type, const void* accumulators, std::size_t i) {
  if (type == MmaType::f16_f16) {
    std::uint16_t bits;
    std::memcpy(&bits, static_cast<const unsigned char*>(accumulators) + i * sizeof(bits), sizeof(bits));
    return static_cast<double>(f16_to_float(bits));
  }
  return static_cast<double>(static_cast<const float*>(accumulators)[i]);
}

void store_accumulator(MmaType type, void* accumulators, std::size_t i, double value) {
  if (type == MmaType::f16_f16) {
    const std::uint16_t bits = double_to_f16(value);
    std::memcpy(static_cast<unsigned char*>(accumulators) + i * sizeof(bits), &bits, sizeof(bits));
  } else {
    static_cast<float*>(accumulators)[i] = static_cast<float>(value);
  }
}

template <MmaType kType>
void compute(Block& block, int, const LaneOperands& operands, const Location&) {
  const Tiles<kType> tiles(operands);
  double sums[kM][kN];
  for (std::size_t lane = 0; lane < operands.size(); ++lane) {
    for (std::size_t i = 0; i < 4; ++i) {
      sums[lane / 4 + 8 * (i / 2)][2 * (lane % 4) + i % 2] =
          load_accumulator(kType, static_cast<const Operands*>(operands[lane])->accumulators, i);
    }
  }
  tiles.multiply_add(sums);
  for (std::size_t lane = 0; lane < operands.size(); ++lane) {
    for (std::size_t i = 0; i < 4; ++i) {
      store_accumulator(kType, static_cast<const Operands*>(operands[lane])->accumulators, i,
                        sums[lane / 4 + 8 * (i / 2)][2 * (lane % 4) + i % 2]);
    }
  }
  ++block.report().counters.mma;
}

constexpr WarpOperation kMma[] = {
    {"mma.m16n8k16.bf16.f32", compute<MmaType::bf16_f32>, false},
    {"mma.m16n8k16.f16.f32", compute<MmaType::f16_f32>, false},
    {"mma.m16n8k16.f16.f16", compute<MmaType::f16_f16>, false},
};

}  // namespace

void mma_m16n8k16(MmaType type, void* accumulators, const unsigned* a, const unsigned* b, const Location& where) {
  Operands operands{accumulators, a, b};
  Block::current()->meet_warp(kMma[static_cast<std::size_t>(type)], Block::kFullMask, &operands, where);
}

}  // namespace swiglu::emulator
