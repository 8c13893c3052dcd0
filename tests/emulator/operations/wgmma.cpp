// Products are exact; the 16 of an instruction and the accumulator are summed in double, by increasing k, and rounded
// once: as for mma.sync.
#include "operations/wgmma.h"

#include <array>
#include <bit>
#include <cstring>
#include <memory>

#include "base/numeric.h"
#include "operations/matrix_operand.h"
#include "operations/who.h"

namespace swiglu::emulator {
namespace {

constexpr int kM = 64;
constexpr int kK = 16;
constexpr int kMostN = 256;
constexpr int kChunk = 8;      // elements that lie together, and the columns of a panel
constexpr int kWarpRows = 16;  // of d
constexpr const char* kOperation = "wgmma";

struct Operands {
  WgmmaForm form;
  unsigned char* d;
  std::uint64_t a;
  std::uint64_t b;
  bool add;
};

double widen(MmaType type, std::uint16_t bits) {
  return static_cast<double>(type == MmaType::bf16_f32 ? bf16_to_float(bits) : f16_to_float(bits));
}

// The operands as numbers: a by row, b in panels of 8 columns so that the innermost loop reads on.
struct Tiles {
  double a[kM][kK];
  double b[kMostN / kChunk][kK][kChunk];

  double& a_at(int row, int k) { return a[row][k]; }
  double& b_at(int row, int k) { return b[row / kChunk][k][row % kChunk]; }

  // One row of d, columns 0 .. n - 1.
  void multiply_add(int row, int n, double* sums) const {
    for (int panel = 0; panel < n / kChunk; ++panel, sums += kChunk) {
      double columns[kChunk];
      std::memcpy(columns, sums, sizeof(columns));
      for (int k = 0; k < kK; ++k) {
        for (int column = 0; column < kChunk; ++column) {
          columns[column] += a[row][k] * b[panel][k][column];
        }
      }
      std::memcpy(sums, columns, sizeof(columns));
    }
  }
};

// Reads an operand through the checks; `place(row, k)` is where its elements go.
template <typename Place>
void read_operand(Block& block, int warpgroup, const Operands& common, bool is_a, const Location& where, Place place) {
  std::string error;
  const MatrixDescriptor descriptor = MatrixDescriptor::decode(is_a ? common.a : common.b, error);
  if (!error.empty()) {
    block.stop(Fault::object, to_text(where),
               fmt::format("{}: operand {}: {}", who(block, kOperation, where), is_a ? "a" : "b", error));
  }
  const bool rows_contiguous = is_a ? common.form.a_rows_contiguous : common.form.b_rows_contiguous;
  const SharedMemory::AsyncRead reader{block.async_registers(warpgroup).agent, warpgroup * Block::kWarpgroupSize,
                                       Block::kWarpgroupSize,
                                       block.shared().site({is_a ? "wgmma's a" : "wgmma's b", where})};
  for (const OperandChunk& chunk : operand_chunks(descriptor, is_a ? kM : common.form.n, !rows_contiguous)) {
    std::array<std::uint16_t, kChunk> elements;
    if (!block.shared().read_async(reader, chunk.address, sizeof(elements))) {
      block.stop();
    }
    std::memcpy(elements.data(), block.shared().at(chunk.address), sizeof(elements));
    for (int i = 0; i < kChunk; ++i) {
      place(chunk.row + (rows_contiguous ? i : 0), chunk.k + (rows_contiguous ? 0 : i)) =
          widen(common.form.type, elements[static_cast<std::size_t>(i)]);
    }
  }
}

// The registers' bits of four neighbouring lanes are a row of d: lane q of the four holds columns 8 j + 2 q and the
// next. `half` tells rows below 8 of a warp's 16 from those above.
double load_sum(MmaType type, const std::uint32_t* registers, int j, int half, int which) {
  if (type == MmaType::f16_f16) {
    return static_cast<double>(f16_to_float(static_cast<std::uint16_t>(registers[2 * j + half] >> (16 * which))));
  }
  return static_cast<double>(std::bit_cast<float>(registers[4 * j + 2 * half + which]));
}

void store_sums(MmaType type, std::uint32_t* registers, int j, int half, const double* pair) {
  if (type == MmaType::f16_f16) {
    registers[2 * j + half] = double_to_f16(pair[0]) | std::uint32_t{double_to_f16(pair[1])} << 16;
  } else {
    registers[4 * j + 2 * half] = std::bit_cast<std::uint32_t>(static_cast<float>(pair[0]));
    registers[4 * j + 2 * half + 1] = std::bit_cast<std::uint32_t>(static_cast<float>(pair[1]));
  }
}

void accumulate(const Operands& common, const Tiles& tiles, AsyncRegisters::Accumulator& accumulator) {
  const int panels = common.form.n / kChunk;
  double sums[kMostN];
  for (int row = 0; row < kM; ++row) {
    const int half = row % kWarpRows / kChunk;
    const int first_thread = row / kWarpRows * Block::kWarpSize + row % kChunk * 4;
    for (int q = 0; q < 4; ++q) {
      const std::uint32_t* registers = accumulator.of(first_thread + q);
      for (int j = 0; j < panels; ++j) {
        for (int which = 0; which < 2; ++which) {
          sums[j * kChunk + 2 * q + which] = common.add ? load_sum(common.form.type, registers, j, half, which) : 0.0;
        }
      }
    }
    tiles.multiply_add(row, common.form.n, sums);
    for (int q = 0; q < 4; ++q) {
      for (int j = 0; j < panels; ++j) {
        store_sums(common.form.type, accumulator.of(first_thread + q), j, half, &sums[j * kChunk + 2 * q]);
      }
    }
  }
}

const Operands& common_operands(Block& block, const WarpgroupOperands& all, const Location& where) {
  const auto& first = *static_cast<const Operands*>(all[0]);
  for (std::size_t i = 1; i < all.size(); ++i) {
    const auto& other = *static_cast<const Operands*>(all[i]);
    if (!(other.form == first.form) || other.a != first.a || other.b != first.b || other.add != first.add) {
      block.stop(
          Fault::divergence, to_text(where),
          fmt::format("{}: thread {} of the warpgroup has other operands than its first: a {:#x} and {:#x}, b "
                      "{:#x} and {:#x}, add {} and {}",
                      who(block, kOperation, where), i, other.a, first.a, other.b, first.b, other.add, first.add));
    }
  }
  return first;
}

void compute(Block& block, int warpgroup, const WarpgroupOperands& all, const Location& where) {
  const Operands& common = common_operands(block, all, where);
  AsyncRegisters& unit = block.async_registers(warpgroup);
  if (unit.agent == SharedMemory::kNobody) {
    unit.agent = block.ordering().add_agent(fmt::format("warpgroup {}'s wgmma", warpgroup));
  }
  const auto tiles = std::make_unique<Tiles>();
  read_operand(block, warpgroup, common, true, where, [&](int row, int k) -> double& { return tiles->a_at(row, k); });
  read_operand(block, warpgroup, common, false, where, [&](int row, int k) -> double& { return tiles->b_at(row, k); });

  AsyncRegisters::Pointers registers;
  for (std::size_t i = 0; i < all.size(); ++i) {
    registers[i] = static_cast<const Operands*>(all[i])->d;
  }
  const bool narrow = common.form.type == MmaType::f16_f16;
  std::string error;
  AsyncRegisters::Accumulator& accumulator =
      unit.issue(registers, common.form.n / (narrow ? 4 : 2), common.form.n + (narrow ? 1 : 0), error);
  if (!error.empty()) {
    block.report().add(Fault::registers, error + to_text(where),
                       fmt::format("{}: {}", who(block, kOperation, where), error));
  }
  accumulate(common, *tiles, accumulator);
  ++block.report().counters.wgmma;
}

AsyncRegisters& unit_of(Block& block, int warp) { return block.async_registers(warp / AsyncRegisters::kWarps); }

void compute_fence(Block& block, int warp, const LaneOperands&, const Location&) {
  unit_of(block, warp).fence(warp % AsyncRegisters::kWarps);
}

void compute_commit(Block& block, int warp, const LaneOperands&, const Location&) {
  unit_of(block, warp).commit(warp % AsyncRegisters::kWarps, block.ordering().now());
  block.ordering().advance();
}

void compute_wait(Block& block, int warp, const LaneOperands& pending, const Location& where) {
  AsyncRegisters& unit = unit_of(block, warp);
  std::string error;
  const auto left = static_cast<std::size_t>(*static_cast<const int*>(pending[0]));
  const Ordering::Time time = unit.wait(warp % AsyncRegisters::kWarps, left, error);
  if (!error.empty()) {
    block.report().add(Fault::registers, error + to_text(where),
                       fmt::format("{}: {}", who(block, "wgmma_wait", where), error));
  }
  if (unit.agent != SharedMemory::kNobody) {
    for (int lane = 0; lane < Block::kWarpSize; ++lane) {
      block.ordering().acquire_agent(unit.agent, time, warp * Block::kWarpSize + lane);
    }
  }
}

constexpr WarpgroupOperation kWgmma{kOperation, compute};
constexpr WarpOperation kFence{"wgmma_fence", compute_fence, false};
constexpr WarpOperation kCommit{"wgmma_commit", compute_commit, false};
constexpr WarpOperation kWait{"wgmma_wait", compute_wait, false};

}  // namespace

void wgmma(const WgmmaForm& form, void* d, std::uint64_t a, std::uint64_t b, bool add, const Location& where) {
  Operands operands{form, static_cast<unsigned char*>(d), a, b, add};
  Block::current()->meet_warpgroup(kWgmma, &operands, where);
}

void wgmma_fence(const Location& where) { Block::current()->meet_warp(kFence, Block::kFullMask, nullptr, where); }

void wgmma_commit(const Location& where) { Block::current()->meet_warp(kCommit, Block::kFullMask, nullptr, where); }

void wgmma_wait(int pending, const Location& where) {
  Block::current()->meet_warp(kWait, Block::kFullMask, &pending, where);
}

}  // namespace swiglu::emulator
