// Bank conflicts: counts known from the layout.
#include <doctest/doctest.h>

#include <vector>

#include "engine/bank_log.h"
#include "engine/launch.h"
#include "ptx/cp_async.cuh"
#include "ptx/ldmatrix.cuh"
#include "ptx/memory.cuh"
#include "ptx/shared.cuh"

namespace swiglu::emulator {
namespace {

std::vector<unsigned> strided(std::size_t count, unsigned stride) {
  std::vector<unsigned> addresses;
  for (std::size_t i = 0; i < count; ++i) {
    addresses.push_back(static_cast<unsigned>(i) * stride);
  }
  return addresses;
}

TEST_CASE("phases and conflicts of strided accesses") {
  CHECK(bank_use(strided(32, 4), 4).phases == 1);
  CHECK(bank_use(strided(32, 4), 4).conflicts == 0);
  CHECK(bank_use(strided(32, 8), 4).conflicts == 1);
  CHECK(bank_use(strided(32, 128), 4).conflicts == 31);
  CHECK(bank_use(strided(32, 0), 4).conflicts == 0);  // broadcast
  CHECK(bank_use(strided(32, 2), 2).conflicts == 0);  // two elements of one word
  CHECK(bank_use(strided(32, 16), 16).phases == 4);
  CHECK(bank_use(strided(32, 16), 16).conflicts == 0);
  CHECK(bank_use(strided(32, 128), 16).conflicts == 4 * 7);
  CHECK(bank_use(strided(32, 144), 16).conflicts == 0);  // padded by a chunk
}

// 32 rows of 128 bytes, written by cp.async and read by ldmatrix down a column of chunks.
Report column_of_chunks(bool swizzled) {
  GlobalMemory global;
  unsigned char* source = global.add({"source", Role::input, 32, 128, 128, 16});
  return launch({{1, 1, 1}, {32, 1, 1}, 4096}, global, [&] {
    const unsigned base = ptx::shared_address(ptx::dynamic_shared());
    const auto address = [&](unsigned row, unsigned chunk) {
      return base + row * 128 + (swizzled ? chunk ^ row % 8 : chunk) * 16;
    };
    for (unsigned row = 0; row < 32; row += 4) {  // a warp copies four whole rows at a time
      const unsigned r = row + threadIdx.x / 8;
      ptx::cp_async<16>(address(r, threadIdx.x % 8), source + std::size_t{r} * 128 + std::size_t{threadIdx.x % 8} * 16);
    }
    ptx::cp_async_commit();
    ptx::cp_async_wait<0>();
    __syncthreads();
    unsigned registers[4];
    ptx::ldmatrix_x4(registers, address(threadIdx.x, 3));
  });
}

TEST_CASE("a swizzle frees ldmatrix of conflicts, and the plain layout has seven per matrix") {
  const Report plain = column_of_chunks(false);
  CHECK(plain.text() == "");
  CHECK(plain.counters.ldmatrix_banks.phases == 4);
  CHECK(plain.counters.ldmatrix_banks.conflicts == 4 * 7);
  CHECK(plain.counters.copy_banks.phases == 8 * 4);
  CHECK(plain.counters.copy_banks.conflicts == 0);
  const Report swizzled = column_of_chunks(true);
  CHECK(swizzled.text() == "");
  CHECK(swizzled.counters.ldmatrix_banks.conflicts == 0);
  CHECK(swizzled.counters.copy_banks.conflicts == 0);
}

TEST_CASE("lanes of a plain store are brought together") {
  const auto conflicts = [](unsigned stride, bool reverse) {
    GlobalMemory global;
    LaunchShape shape{{1, 1, 1}, {32, 1, 1}, 8192};
    shape.reverse = reverse;
    return launch(shape, global,
                  [&] {
                    *reinterpret_cast<float*>(ptx::dynamic_shared() + std::size_t{threadIdx.x} * stride) = 1.0F;
                    __syncwarp();  // and now the turns are in another order
                    ptx::store_shared<16>(ptx::shared_address(ptx::dynamic_shared()) + 4096 + threadIdx.x * 16, {});
                  })
        .counters.shared_store_banks.conflicts;
  };
  for (const bool reverse : {false, true}) {
    CHECK(conflicts(4, reverse) == 0);
    CHECK(conflicts(128, reverse) == 31);
  }
}

}  // namespace
}  // namespace swiglu::emulator
