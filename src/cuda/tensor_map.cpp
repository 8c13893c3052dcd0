#include "cuda/tensor_map.h"

#include <cstring>

#include "base/error.h"
#include "cuda/driver.h"

namespace swiglu {
namespace {

CUtensorMapSwizzle swizzle_of(const Box& box) {
  switch (box.swizzle_bytes) {
    case 128:
      return CU_TENSOR_MAP_SWIZZLE_128B;
    case 64:
      return CU_TENSOR_MAP_SWIZZLE_64B;
    case 32:
      return CU_TENSOR_MAP_SWIZZLE_32B;
    default:
      return CU_TENSOR_MAP_SWIZZLE_NONE;
  }
}

CUtensorMapL2promotion promotion_of(const Box& box) {
  return box.promotion_bytes == 0 ? CU_TENSOR_MAP_L2_PROMOTION_NONE : CU_TENSOR_MAP_L2_PROMOTION_L2_256B;
}

}  // namespace

TensorMap encode_tensor_map(const MatrixView& matrix, const Box& box) {
  CUtensorMap map{};
  const cuuint64_t extents[] = {static_cast<cuuint64_t>(matrix.columns), static_cast<cuuint64_t>(matrix.rows)};
  const cuuint64_t pitch_bytes[] = {static_cast<cuuint64_t>(matrix.pitch) * kElementBytes};
  const cuuint32_t box_extents[] = {static_cast<cuuint32_t>(box.columns), static_cast<cuuint32_t>(box.rows)};
  const cuuint32_t every_element[] = {1, 1};
  const CUresult result =
      driver().tensor_map_encode_tiled(&map, CU_TENSOR_MAP_DATA_TYPE_UINT16, 2, const_cast<void*>(matrix.base), extents,
                                       pitch_bytes, box_extents, every_element, CU_TENSOR_MAP_INTERLEAVE_NONE,
                                       swizzle_of(box), promotion_of(box), CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) {
    fail(SWIGLU_CUDA_ERROR, "no tensor map of {} rows of {} elements, {} apart, at {}, in boxes of {} x {}: {}",
         matrix.rows, matrix.columns, matrix.pitch, matrix.base, box.rows, box.columns, describe(driver(), result));
  }
  TensorMap opaque;
  static_assert(sizeof opaque == sizeof map);
  std::memcpy(&opaque, &map, sizeof map);
  return opaque;
}

}  // namespace swiglu
