// The emulator's tensor maps refuse what the driver refuses.
#include "operations/tensor_map.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace swiglu::emulator {
namespace {

TEST_CASE("tensor maps obey the driver's rules") {
  alignas(16) static unsigned char memory[64];
  const auto refused = [](const void* base, std::int64_t pitch, int rows, int columns, unsigned swizzle) {
    try {
      static_cast<void>(make_tensor_map(base, 100, 100, pitch, rows, columns, swizzle));
      return false;
    } catch (const std::invalid_argument&) {
      return true;
    }
  };
  CHECK_FALSE(refused(memory, 208, 256, 64, 128));
  CHECK_FALSE(refused(memory, 208, 1, 256, 0));
  CHECK(refused(memory + 8, 208, 64, 64, 128));
  CHECK(refused(memory, 200, 64, 64, 128));
  CHECK(refused(memory, 192, 64, 64, 128));
  CHECK(refused(memory, 208, 257, 64, 128));
  CHECK(refused(memory, 208, 0, 64, 128));
  CHECK(refused(memory, 208, 64, 264, 0));
  CHECK(refused(memory, 208, 64, 12, 128));
  CHECK(refused(memory, 208, 64, 72, 128));
  CHECK(refused(memory, 208, 64, 40, 64));
  CHECK(refused(memory, 208, 64, 8, 16));
}

}  // namespace
}  // namespace swiglu::emulator
