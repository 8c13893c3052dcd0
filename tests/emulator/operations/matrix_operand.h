// The operands of wgmma in shared memory: 64-bit descriptors, and the matrices they describe. PTX ISA, "Shared memory
// matrix layout".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace swiglu::emulator {

struct MatrixDescriptor {
  unsigned start;  // shared address
  unsigned leading_bytes;
  unsigned stride_bytes;
  unsigned span;  // of the swizzle: 0, 32, 64 or 128 bytes

  // `error`: why the bits describe nothing that is supported, if so.
  static MatrixDescriptor decode(std::uint64_t bits, std::string& error);
};

// 8 elements that lie together in shared memory: of one row along k, or of one k along the rows.
struct OperandChunk {
  unsigned address;
  int row;  // of the first element: along m or n
  int k;
};

// All of an operand of `rows` rows (m or n) by 16 of k. row_major_k: k is contiguous, not m or n.
std::vector<OperandChunk> operand_chunks(const MatrixDescriptor& descriptor, int rows, bool k_contiguous);

}  // namespace swiglu::emulator
