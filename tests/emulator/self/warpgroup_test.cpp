// stmatrix, numbered barriers, setmaxnreg and the wait for earlier kernels.
#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "engine/launch.h"
#include "ptx/cp_async.cuh"
#include "ptx/grid_dependency.cuh"
#include "ptx/ldmatrix.cuh"
#include "ptx/memory.cuh"
#include "ptx/named_barrier.cuh"
#include "ptx/shared.cuh"
#include "ptx/stmatrix.cuh"
#include "ptx/warpgroup.cuh"

namespace swiglu::emulator {
namespace {

unsigned at(unsigned offset) { return ptx::shared_address(ptx::dynamic_shared()) + offset; }

Report launch_block(unsigned threads, const std::function<void()>& kernel, bool reverse = false) {
  GlobalMemory global;
  LaunchShape shape{{1, 1, 1}, {threads, 1, 1}, 8192};
  shape.reverse = reverse;
  return launch(shape, global, kernel);
}

// Element (row, column) of a matrix, as a value that names it.
unsigned element(unsigned matrix, unsigned row, unsigned column) { return matrix * 64 + row * 8 + column; }

// Rows far apart and out of order: only the addresses count.
unsigned row_offset(unsigned line) { return line * 7 % 32 * 80; }

template <unsigned kMatrices, bool kTransposed>
void store_named() {
  const unsigned lane = threadIdx.x;
  unsigned r[kMatrices];
  for (unsigned i = 0; i < kMatrices; ++i) {
    const unsigned major = lane / 4;
    const unsigned minor = lane % 4 * 2;
    r[i] = kTransposed ? element(i, minor, major) | element(i, minor + 1, major) << 16
                       : element(i, major, minor) | element(i, major, minor + 1) << 16;
  }
  const unsigned address = at(row_offset(lane));
  if constexpr (kMatrices == 4) {
    kTransposed ? ptx::stmatrix_x4_trans(address, r) : ptx::stmatrix_x4(address, r);
  } else {
    kTransposed ? ptx::stmatrix_x2_trans(address, r) : ptx::stmatrix_x2(address, r);
  }
}

template <unsigned kMatrices, bool kTransposed>
void check_stmatrix() {
  std::vector<unsigned> wrong;
  const Report report = launch_block(32, [&] {
    store_named<kMatrices, kTransposed>();
    __syncwarp();
    for (unsigned i = threadIdx.x; i < kMatrices * 64; i += 32) {
      const unsigned value = ptx::load_shared<2>(at(row_offset(i / 8) + i % 8 * 2)).words[0];
      if (value != i) {
        wrong.push_back(i);
      }
    }
    if (kMatrices == 2 && threadIdx.x == 0) {  // lanes 16 .. 31 gave addresses that do not count
      ptx::store_shared<4>(at(row_offset(20)), {});
    }
  });
  CHECK(report.text() == "");
  CHECK(wrong.empty());
  CHECK(report.counters.stmatrix == kMatrices);
}

TEST_CASE("stmatrix: rows, and columns when transposed") {
  check_stmatrix<4, false>();
  check_stmatrix<2, false>();
  check_stmatrix<4, true>();
  check_stmatrix<2, true>();
}

TEST_CASE("stmatrix: what ldmatrix reads back") {
  std::vector<std::array<unsigned, 4>> read(32);
  const Report report = launch_block(32, [&] {
    const unsigned address = at(threadIdx.x * 16);
    const unsigned r[4] = {threadIdx.x, 100 + threadIdx.x, 200 + threadIdx.x, 300 + threadIdx.x};
    ptx::stmatrix_x4(address, r);
    __syncwarp();
    unsigned back[4];
    ptx::ldmatrix_x4(back, address);
    std::copy(back, back + 4, read[threadIdx.x].begin());
  });
  CHECK(report.text() == "");
  for (unsigned lane = 0; lane < 32; ++lane) {
    CHECK(read[lane] == std::array<unsigned, 4>{lane, 100 + lane, 200 + lane, 300 + lane});
  }
}

TEST_CASE("stmatrix: alignment, bounds, races, divergence, bank conflicts") {
  const auto store = [](unsigned address) {
    const unsigned r[4] = {};
    ptx::stmatrix_x4(address, r);
  };
  CHECK(launch_block(32, [&] { store(at(threadIdx.x * 16 + 8)); }).has(Fault::alignment));
  CHECK(launch_block(32, [&] { store(at(8192 + threadIdx.x * 16)); }).has(Fault::bounds));
  CHECK(launch_block(64, [&] { store(at(threadIdx.x % 32 * 16)); }).has(Fault::race));
  CHECK(launch_block(64, [&] { store(at(threadIdx.x * 16)); }).text() == "");
  CHECK(launch_block(32, [&] {
          if (threadIdx.x < 16) {
            store(at(threadIdx.x * 16));
          }
        }).has(Fault::barrier));
  const auto conflicts = [&](unsigned pitch) {
    return launch_block(32, [&] { store(at(threadIdx.x * pitch)); }).counters.stmatrix_banks.conflicts;
  };
  CHECK(conflicts(128) == 4 * 7);
  CHECK(conflicts(128 + 16) == 0);
  CHECK(conflicts(16 * 11) == 0);  // odd multiples of 16 bytes
  CHECK(conflicts(16 * 12) == 4 * 3);
}

TEST_CASE("numbered barriers: two halves of a block take turns") {
  for (const bool reverse : {false, true}) {
    std::vector<unsigned> order;
    const Report report = launch_block(
        64,
        [&] {
          const unsigned mine = threadIdx.x / 32;
          const unsigned value = threadIdx.x % 32;
          if (mine == 1) {  // the first turn is the lower half's
            ptx::barrier_arrive<64>(1);
          }
          for (unsigned turn = 0; turn < 3; ++turn) {
            ptx::barrier_sync<64>(static_cast<int>(1 + mine));
            if (value == 0) {
              order.push_back(mine);
            }
            ptx::store_shared<4>(at(value * 4), {});  // in turns, hence no race
            ptx::barrier_arrive<64>(static_cast<int>(2 - mine));
          }
        },
        reverse);
    CHECK(report.text() == "");
    CHECK(order == std::vector<unsigned>{0, 1, 0, 1, 0, 1});
  }
  CHECK(launch_block(64, [] { ptx::barrier_sync<64>(16); }).has(Fault::barrier));
  CHECK(launch_block(64, [] {
          threadIdx.x < 32 ? ptx::barrier_sync<64>(1) : ptx::barrier_sync<32>(1);
        }).has(Fault::barrier));
  CHECK(launch_block(64, [] {
          if (threadIdx.x < 32) {
            ptx::barrier_sync<64>(1);
          }
        }).has(Fault::barrier));
}

template <int kProducer, int kConsumer>
void share_registers() {
  if (threadIdx.x < 128) {
    ptx::warpgroup_decrease_registers<kProducer>();
  } else {
    ptx::warpgroup_increase_registers<kConsumer>();
  }
}

TEST_CASE("setmaxnreg: what the warpgroups ask for must be there") {
  for (const bool reverse : {false, true}) {
    CHECK(launch_block(
              384, [] { share_registers<24, 240>(); }, reverse)
              .text() == "");
    CHECK(launch_block(
              384, [] { share_registers<40, 232>(); }, reverse)
              .text() == "");
    CHECK(launch_block(
              512, [] { share_registers<32, 160>(); }, reverse)
              .text() == "");
    const Report report = launch_block(
        384, [] { share_registers<32, 240>(); }, reverse);
    CHECK(report.has(Fault::barrier));
    CHECK(report.text().find("wait in setmaxnreg.inc") != std::string::npos);
    CHECK(launch_block(
              512, [] { share_registers<32, 168>(); }, reverse)
              .has(Fault::barrier));
  }
}

TEST_CASE("setmaxnreg: by a whole warpgroup, in the right direction, from what the launch gives") {
  CHECK(launch_block(384, [] {
          if (threadIdx.x < 32) {
            ptx::warpgroup_decrease_registers<24>();
          }
        }).has(Fault::barrier));
  CHECK(launch_block(128, [] { ptx::warpgroup_increase_registers<24>(); }).has(Fault::registers));
  CHECK(launch_block(512, [] { ptx::warpgroup_decrease_registers<136>(); }).has(Fault::registers));
  CHECK(launch_block(64, [] { ptx::warpgroup_decrease_registers<24>(); }).has(Fault::divergence));
  GlobalMemory global;
  LaunchShape shape{{1, 1, 1}, {384, 1, 1}, 1024};
  shape.registers = 160;
  CHECK(launch(shape, global, [] { share_registers<24, 224>(); }).text() == "");
  CHECK(launch(shape, global, [] { share_registers<24, 232>(); }).has(Fault::barrier));
}

TEST_CASE("nothing is touched before earlier kernels are awaited") {
  const auto kernel = [](bool before, bool wait, bool barrier) {
    GlobalMemory global;
    unsigned char* input = global.add({"input", Role::input, 1, 64, 64, 16});
    return launch({{2, 1, 1}, {64, 1, 1}, 1024}, global, [&, before, wait, barrier] {
      if (before) {
        static_cast<void>(ptx::load_global<4>(input));
      }
      if (wait && threadIdx.x == 0) {
        ptx::grid_dependency_wait();
      }
      if (barrier) {
        __syncthreads();
      }
      if (threadIdx.x % 32 == 0) {
        ptx::cp_async<16>(at(threadIdx.x * 16), input);
        ptx::cp_async_commit();
        ptx::cp_async_wait<0>();
      }
      ptx::grid_dependency_launch();
    });
  };
  CHECK(kernel(false, true, true).text() == "");
  CHECK(kernel(true, false, false).text() == "");  // a kernel that awaits none may
  CHECK(kernel(true, true, true).has(Fault::race));
  CHECK(kernel(false, true, false).has(Fault::race));  // the second warp was not held back
}

}  // namespace
}  // namespace swiglu::emulator
