// stmatrix: ldmatrix backwards. Lane l gives the address of row l % 8 of matrix l / 8 and counts as that row's writer.
#include <array>
#include <cstring>

#include "operations/operations.h"
#include "operations/who.h"

namespace swiglu::emulator {
namespace {

constexpr int kRows = 8;
constexpr std::size_t kRowBytes = 16;

struct Operands {
  const unsigned* registers;
  unsigned address;
};

using Row = std::array<std::uint16_t, kRows>;

// Element (row, column) of a matrix: in the lane and the half of its register that hold it.
std::uint16_t element(const LaneOperands& operands, int matrix, bool transposed, int row, int column) {
  const int major = transposed ? column : row;
  const int minor = transposed ? row : column;
  const int lane = major * 4 + minor / 2;
  const auto* own = static_cast<const Operands*>(operands[static_cast<std::size_t>(lane)]);
  return static_cast<std::uint16_t>(own->registers[matrix] >> (16 * (minor % 2)));
}

void write_matrix(Block& block, int warp, int matrix, bool transposed, const LaneOperands& operands,
                  SharedMemory::SiteId site, const char* operation, const Location& where) {
  std::array<unsigned, kRows> addresses;
  for (int row = 0; row < kRows; ++row) {
    const int lane = matrix * kRows + row;
    const unsigned address = static_cast<const Operands*>(operands[static_cast<std::size_t>(lane)])->address;
    check_shared_alignment(block, address, kRowBytes, operation, where);
    if (!block.shared().write(warp * Block::kWarpSize + lane, address, kRowBytes, site)) {
      block.stop();
    }
    Row values;
    for (int column = 0; column < kRows; ++column) {
      values[static_cast<std::size_t>(column)] = element(operands, matrix, transposed, row, column);
    }
    std::memcpy(block.shared().at(address), values.data(), kRowBytes);
    addresses[static_cast<std::size_t>(row)] = address;
  }
  const BankUse use = bank_use(addresses, kRowBytes);
  Counters& counters = block.report().counters;
  counters.stmatrix_banks.phases += use.phases;
  counters.stmatrix_banks.conflicts += use.conflicts;
  counters.stmatrix += 1;
}

template <int kMatrices, bool kTransposed>
void compute(Block& block, int warp, const LaneOperands& operands, const Location& where) {
  constexpr const char* kName = kTransposed ? "stmatrix.trans" : "stmatrix";
  const SharedMemory::SiteId site = block.shared().site({kName, where});
  for (int matrix = 0; matrix < kMatrices; ++matrix) {
    write_matrix(block, warp, matrix, kTransposed, operands, site, kName, where);
  }
}

constexpr WarpOperation kStoreMatrix[2][2] = {
    {{"stmatrix.x2", compute<2, false>, false}, {"stmatrix.x2.trans", compute<2, true>, false}},
    {{"stmatrix.x4", compute<4, false>, false}, {"stmatrix.x4.trans", compute<4, true>, false}},
};

}  // namespace

void store_matrix(bool four, bool transposed, const unsigned* registers, unsigned address, const Location& where) {
  Operands operands{registers, address};
  Block::current()->meet_warp(kStoreMatrix[four ? 1 : 0][transposed ? 1 : 0], Block::kFullMask, &operands, where);
}

}  // namespace swiglu::emulator
