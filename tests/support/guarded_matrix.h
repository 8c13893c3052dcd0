// A matrix in the memory under test, wrapped in poison: guard zones before and after, and between rows where the
// leading dimension is larger than the row. The host keeps an image of the whole allocation; after a run every byte
// outside the elements must still be what it was, and inputs must be unchanged altogether.
//
// Poison is NaN in every format, and differs from word to word, so that neither reading it as data nor writing any
// constant over it goes unseen. Not thread-safe; use one object from one thread.
#pragma once

#include <swiglu/swiglu.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "support/memory.h"

namespace swiglu_test {

struct Placement {
  std::int64_t padding = 0;  // elements between rows: leading dimension = columns + padding
  std::int64_t offset = 0;   // elements by which the first one is off a 256-byte boundary
};

class GuardedMatrix {
 public:
  GuardedMatrix(Memory& memory, swiglu_dtype dtype, std::int64_t rows, std::int64_t columns, Placement placement);
  ~GuardedMatrix();
  GuardedMatrix(const GuardedMatrix&) = delete;
  GuardedMatrix& operator=(const GuardedMatrix&) = delete;

  swiglu_dtype dtype() const { return dtype_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  std::int64_t leading_dimension() const { return leading_dimension_; }

  // On the device under test; in the host's image.
  void* device(std::int64_t row = 0, std::int64_t column = 0) const;
  std::byte* host(std::int64_t row = 0, std::int64_t column = 0);
  const std::byte* host(std::int64_t row = 0, std::int64_t column = 0) const;
  double at(std::int64_t row, std::int64_t column) const;
  void set(std::int64_t row, std::int64_t column, double value);

  void fill_normal(std::uint64_t stream, double deviation);
  void fill_integers(std::uint64_t stream, int largest);  // uniform in [-largest, largest]
  void fill_value(double value);
  void poison_elements();

  void upload();    // image -> device
  void download();  // device -> image

  // After download(): empty, or which byte outside the elements (or, for an input, which element) was changed.
  std::string damage(const char* name, bool is_input) const;

 private:
  std::size_t byte_of(std::int64_t row, std::int64_t column) const;

  Memory& memory_;
  swiglu_dtype dtype_;
  std::size_t element_bytes_;
  std::int64_t rows_;
  std::int64_t columns_;
  std::int64_t leading_dimension_;
  std::size_t first_;                // byte offset of element (0, 0) in the allocation
  std::vector<std::byte> image_;     // what the device has, as far as the host knows
  std::vector<std::byte> uploaded_;  // as of the last upload()
  void* device_ = nullptr;
};

// A part of a matrix that the library sees as a matrix of its own: half of a packed gate|up, say.
struct MatrixView {
  GuardedMatrix* matrix = nullptr;
  std::int64_t row = 0;
  std::int64_t column = 0;

  void* device() const { return matrix->device(row, column); }
  const std::byte* host() const { return matrix->host(row, column); }
  double at(std::int64_t i, std::int64_t j) const { return matrix->at(row + i, column + j); }
  std::int64_t leading_dimension() const { return matrix->leading_dimension(); }
};

}  // namespace swiglu_test
