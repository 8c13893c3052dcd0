// ldmatrix: lane l gives the address of row l % 8 of matrix l / 8; the fragments follow the PTX ISA.
#include <fmt/core.h>

#include <array>
#include <cstring>

#include "operations/operations.h"

namespace swiglu::emulator {
namespace {

constexpr int kRows = 8;
constexpr std::size_t kRowBytes = 16;

struct Operands {
  unsigned* registers;
  unsigned address;
};

using Matrix = std::array<std::array<std::uint16_t, kRows>, kRows>;

Matrix read_matrix(Block& block, int warp, int matrix, const LaneOperands& operands, const Location& where,
                   SharedMemory::SiteId site) {
  Matrix values;
  std::array<unsigned, kRows> addresses;
  for (int row = 0; row < kRows; ++row) {
    const int lane = matrix * kRows + row;
    const unsigned address = static_cast<const Operands*>(operands[static_cast<std::size_t>(lane)])->address;
    const int thread = warp * Block::kWarpSize + lane;
    if (address % kRowBytes != 0) {
      block.stop(Fault::alignment, to_text(where),
                 fmt::format("{}: {}: ldmatrix at {}: the row address {:#x} is no multiple of 16", block.name(),
                             thread_text(thread), to_text(where), address));
    }
    if (!block.shared().read(thread, address, kRowBytes, site)) {
      block.stop();
    }
    std::memcpy(values[static_cast<std::size_t>(row)].data(), block.shared().at(address), kRowBytes);
    addresses[static_cast<std::size_t>(row)] = address;
  }
  const BankUse use = bank_use(addresses, kRowBytes);
  block.report().counters.ldmatrix_banks.phases += use.phases;
  block.report().counters.ldmatrix_banks.conflicts += use.conflicts;
  block.report().counters.ldmatrix += 1;
  return values;
}

template <int kMatrices, bool kTransposed>
void compute(Block& block, int warp, const LaneOperands& operands, const Location& where) {
  const SharedMemory::SiteId site = block.shared().site({kTransposed ? "ldmatrix.trans" : "ldmatrix", where});
  for (int matrix = 0; matrix < kMatrices; ++matrix) {
    const Matrix values = read_matrix(block, warp, matrix, operands, where, site);
    for (std::size_t lane = 0; lane < operands.size(); ++lane) {
      const std::size_t major = lane / 4;
      const std::size_t minor = 2 * (lane % 4);
      const unsigned low = kTransposed ? values[minor][major] : values[major][minor];
      const unsigned high = kTransposed ? values[minor + 1][major] : values[major][minor + 1];
      static_cast<const Operands*>(operands[lane])->registers[matrix] = low | high << 16;
    }
  }
}

constexpr WarpOperation kLoadMatrix[2][2] = {
    {{"ldmatrix.x2", compute<2, false>, false}, {"ldmatrix.x2.trans", compute<2, true>, false}},
    {{"ldmatrix.x4", compute<4, false>, false}, {"ldmatrix.x4.trans", compute<4, true>, false}},
};

}  // namespace

void load_matrix(bool four, bool transposed, unsigned* registers, unsigned address, const Location& where) {
  Operands operands{registers, address};
  Block::current()->meet_warp(kLoadMatrix[four ? 1 : 0][transposed ? 1 : 0], Block::kFullMask, &operands, where);
}

}  // namespace swiglu::emulator
