// A matrix in global memory and its tensor maps, and where an element of a box lies in shared memory: for the tests of
// loads and stores of boxes.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>

#include "engine/launch.h"
#include "operations/tensor_map.h"
#include "ptx/shared.cuh"

namespace swiglu::emulator::boxes {

constexpr unsigned kThreads = 64;
constexpr unsigned kShared = 32768;

inline unsigned at(unsigned offset) { return ptx::shared_address(ptx::dynamic_shared()) + offset; }

// A matrix in global memory whose element (row, column) is 256 * row + column + 1.
struct Matrix {
  GlobalMemory global;
  int rows;
  int columns;
  std::size_t pitch;
  unsigned char* base;

  Matrix(Role role, int row_count, int column_count)
      : rows(row_count),
        columns(column_count),
        pitch((static_cast<std::size_t>(column_count) * 2 + 15) / 16 * 16 + 32),
        base(global.add({"matrix", role, static_cast<std::size_t>(row_count),
                         static_cast<std::size_t>(column_count) * 2, pitch, 16})) {
    for (int row = 0; row < rows && role == Role::input; ++row) {
      for (int column = 0; column < columns; ++column) {
        const std::uint16_t value = element(row, column);
        std::memcpy(base + static_cast<std::size_t>(row) * pitch + static_cast<std::size_t>(column) * 2, &value, 2);
      }
    }
  }

  static std::uint16_t element(int row, int column) { return static_cast<std::uint16_t>(256 * row + column + 1); }
  std::uint16_t padded(int row, int column) const {
    return row < 0 || column < 0 || row >= rows || column >= columns ? std::uint16_t{0} : element(row, column);
  }
  std::uint16_t stored(int row, int column) const {
    std::uint16_t value;
    std::memcpy(&value, base + static_cast<std::size_t>(row) * pitch + static_cast<std::size_t>(column) * 2, 2);
    return value;
  }
  TensorMap map(int box_rows, int box_columns, unsigned swizzle) const {
    return make_tensor_map(base, rows, columns, static_cast<std::int64_t>(pitch), box_rows, box_columns, swizzle);
  }

  Report run(const std::function<void()>& kernel, bool reverse = false) {
    LaunchShape shape{{1, 1, 1}, {kThreads, 1, 1}, kShared};
    shape.reverse = reverse;
    return launch(shape, global, kernel);
  }
};

// Where element (row, column) of a box lies: the 16-byte chunk is moved by the row's number in the pattern.
inline unsigned place(unsigned row, unsigned column, unsigned swizzle, unsigned box_columns) {
  const unsigned pitch = swizzle == 0 ? box_columns * 2 : swizzle;
  const unsigned moved = swizzle == 128 ? row % 8 : swizzle == 64 ? row / 2 % 4 : swizzle == 32 ? row / 4 % 2 : 0;
  return row * pitch + ((column / 8) ^ moved) * 16 + column % 8 * 2;
}

}  // namespace swiglu::emulator::boxes
