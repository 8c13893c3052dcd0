#include "operations/tensor_map.h"

#include <cstring>
#include <new>
#include <stdexcept>

#include "operations/swizzle.h"

namespace swiglu::emulator {
namespace {

constexpr std::uint64_t kMagic = 0x70616d726f736e65;

static_assert(sizeof(TensorMapFields) <= sizeof(TensorMap));

void demand(bool holds, const char* rule) {
  if (!holds) {
    throw std::invalid_argument(rule);
  }
}

void check(const TensorMapFields& map) {
  constexpr int kMostBox = 256;
  demand(reinterpret_cast<std::uintptr_t>(map.base) % kSwizzleChunk == 0, "the base must be a multiple of 16");
  demand(map.rows >= 1 && map.columns >= 1 && map.rows <= std::int64_t{1} << 32 && map.columns <= std::int64_t{1} << 32,
         "rows and columns must be 1 .. 2^32");
  demand(map.pitch_bytes % kSwizzleChunk == 0 && map.pitch_bytes < std::int64_t{1} << 40,
         "the pitch must be a multiple of 16 below 2^40");
  demand(map.pitch_bytes >= map.columns * map.element_bytes, "rows must not overlap");
  demand(map.box_rows >= 1 && map.box_rows <= kMostBox && map.box_columns >= 1 && map.box_columns <= kMostBox,
         "a box has 1 .. 256 rows and columns");
  demand(map.box_row_bytes() % kSwizzleChunk == 0, "a row of a box must be a multiple of 16 bytes");
  demand(map.swizzle_bytes == 0 || map.swizzle_bytes == 32 || map.swizzle_bytes == 64 || map.swizzle_bytes == 128,
         "the swizzle spans 0, 32, 64 or 128 bytes");
  demand(map.swizzle_bytes == 0 || map.box_row_bytes() <= map.swizzle_bytes,
         "a row of a box must not be longer than the swizzle's span");
}

}  // namespace

TensorMap make_tensor_map(const void* base, std::int64_t rows, std::int64_t columns, std::int64_t pitch_bytes,
                          int box_rows, int box_columns, unsigned swizzle_bytes, int element_bytes) {
  const TensorMapFields fields{kMagic,       const_cast<unsigned char*>(static_cast<const unsigned char*>(base)),
                               rows,         columns,
                               pitch_bytes,  box_rows,
                               box_columns,  swizzle_bytes,
                               element_bytes};
  check(fields);
  TensorMap map{};
  new (map.opaque) TensorMapFields(fields);
  return map;
}

const TensorMapFields* fields_of(const TensorMap& map) {
  const auto* fields = std::launder(reinterpret_cast<const TensorMapFields*>(map.opaque));
  return fields->magic == kMagic ? fields : nullptr;
}

}  // namespace swiglu::emulator
