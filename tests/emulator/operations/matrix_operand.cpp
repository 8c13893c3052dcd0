#include "operations/matrix_operand.h"

#include <fmt/core.h>

#include "operations/swizzle.h"

namespace swiglu::emulator {
namespace {

constexpr int kChunkElements = 8;
constexpr int kK = 16;
constexpr int kElementBytes = 2;

unsigned field(std::uint64_t bits, int first, int count) {
  return static_cast<unsigned>(bits >> first & ((std::uint64_t{1} << count) - 1));
}

// Unswizzled, 8 rows of 16 bytes lie together. Swizzled, k is cut into spans of which the operand is a part of one:
// groups of 8 rows of the span's length.
unsigned k_contiguous_address(const MatrixDescriptor& d, int row, int k) {
  const auto group = static_cast<unsigned>(row / kChunkElements);
  const auto within = static_cast<unsigned>(row % kChunkElements);
  const auto chunk = static_cast<unsigned>(k / kChunkElements);
  if (d.span == 0) {
    return d.start + group * d.stride_bytes + within * kSwizzleChunk + chunk * d.leading_bytes;
  }
  return swizzled(d.start + group * d.stride_bytes + within * d.span + chunk * kSwizzleChunk, d.span);
}

// Swizzled, the rows are cut into spans, and each span has groups of 8 k. Unswizzled, leading and stride change roles.
unsigned row_contiguous_address(const MatrixDescriptor& d, int row, int k) {
  const auto group = static_cast<unsigned>(k / kChunkElements);
  const auto within = static_cast<unsigned>(k % kChunkElements);
  const auto byte = static_cast<unsigned>(row * kElementBytes);
  if (d.span == 0) {
    return d.start + byte / kSwizzleChunk * d.stride_bytes + group * d.leading_bytes + within * kSwizzleChunk;
  }
  return swizzled(d.start + byte / d.span * d.leading_bytes + group * d.stride_bytes + within * d.span + byte % d.span,
                  d.span);
}

}  // namespace

MatrixDescriptor MatrixDescriptor::decode(std::uint64_t bits, std::string& error) {
  constexpr unsigned kSpans[] = {0, 128, 64, 32};
  constexpr std::uint64_t kUsed = 0xc00e3fff3fff3fffU;
  const MatrixDescriptor descriptor{field(bits, 0, 14) * kSwizzleChunk, field(bits, 16, 14) * kSwizzleChunk,
                                    field(bits, 32, 14) * kSwizzleChunk, kSpans[field(bits, 62, 2)]};
  const unsigned span = descriptor.span;
  if ((bits & ~kUsed) != 0) {
    error = fmt::format("bits that mean nothing are set in the descriptor {:#x}", bits);
  } else if (field(bits, 49, 3) != 0) {
    error = "a base offset is not supported";
  } else if (span != 0 && descriptor.start % swizzle_alignment(span) >= span) {
    error = fmt::format("the start {:#x} is not in the first {} bytes of the swizzle's pattern of {}", descriptor.start,
                        span, swizzle_alignment(span));
  }
  return descriptor;
}

std::vector<OperandChunk> operand_chunks(const MatrixDescriptor& descriptor, int rows, bool k_contiguous) {
  std::vector<OperandChunk> chunks;
  chunks.reserve(static_cast<std::size_t>(rows * kK / kChunkElements));
  if (k_contiguous) {
    for (int row = 0; row < rows; ++row) {
      for (int k = 0; k < kK; k += kChunkElements) {
        chunks.push_back({k_contiguous_address(descriptor, row, k), row, k});
      }
    }
  } else {
    for (int k = 0; k < kK; ++k) {
      for (int row = 0; row < rows; row += kChunkElements) {
        chunks.push_back({row_contiguous_address(descriptor, row, k), row, k});
      }
    }
  }
  return chunks;
}

}  // namespace swiglu::emulator
