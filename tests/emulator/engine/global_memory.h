// Global memory of a launch: buffers of rows, of which only the row contents exist for the kernel.
//
// Each buffer ends as close to an untouchable page as its alignment allows; the span around is untouchable too. Bytes
// between rows and, in outputs, all bytes start as poison (0xff: NaN). Inputs may only be read, outputs only written,
// each byte once a launch, or in rows that are said to be written twice, twice with the same bits; what is worked on in
// place may be read as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/report.h"

namespace swiglu::emulator {

enum class Role { input, output, in_place };  // in_place: an output whose bytes may be read too

struct BufferShape {
  std::string name;
  Role role;
  std::size_t rows;
  std::size_t row_bytes;
  std::size_t pitch_bytes;  // from row to row
  std::size_t alignment;    // of the base and no more than that: base % (2 * alignment) == alignment, for less than 16
  std::size_t twice_from = 0;  // rows from here
  std::size_t twice_to = 0;    // to before here are written twice
};

class GlobalMemory {
 public:
  GlobalMemory();
  ~GlobalMemory();
  GlobalMemory(const GlobalMemory&) = delete;
  GlobalMemory& operator=(const GlobalMemory&) = delete;

  // The base. Row contents of inputs are the caller's to fill.
  unsigned char* add(const BufferShape& shape);

  void begin_launch();
  bool owns(const void* pointer) const;

  // Empty: allowed. Otherwise why not, and the access must not be made.
  std::string read_error(const void* pointer, std::size_t bytes) const;
  std::string write_error(const void* pointer, std::size_t bytes);  // and counts the write
  // "out row 3 column byte 14"
  std::string describe(const void* pointer) const;

  // After a launch: outputs' row bytes never written, written too often, written otherwise the second time, and poison
  // between rows destroyed.
  void check_outputs(Report& report) const;

 private:
  struct Buffer {
    BufferShape shape;
    unsigned char* base;
    std::size_t bytes;  // from base to the end of the last row's contents
    std::vector<std::uint8_t> writes;
    std::vector<unsigned char> before;  // the second write
    int writes_due(std::size_t offset) const;
  };
  static constexpr std::size_t kNone = ~std::size_t{0};
  std::size_t find(const void* pointer) const;  // index of the buffer, or kNone
  std::string access_error(const void* pointer, std::size_t bytes, Role role) const;

  unsigned char* arena_ = nullptr;
  std::size_t used_ = 0;
  std::vector<Buffer> buffers_;
};

}  // namespace swiglu::emulator
