// The race detector and the life of asynchronous copies, with kernels that are right and the same kernels with one
// mistake.
#include <doctest/doctest.h>

#include <cstring>

#include "engine/launch.h"
#include "ptx/cp_async.cuh"
#include "ptx/ldmatrix.cuh"
#include "ptx/memory.cuh"
#include "ptx/shared.cuh"

namespace swiglu::emulator {
namespace {

constexpr unsigned kThreads = 64;
constexpr std::size_t kShared = 4096;

Report launch_block(const std::function<void()>& kernel) {
  GlobalMemory global;
  return launch({{1, 1, 1}, {kThreads, 1, 1}, kShared}, global, kernel);
}

unsigned short* shared_elements() { return reinterpret_cast<unsigned short*>(ptx::dynamic_shared()); }

// Every thread writes its element and reads its neighbour's.
void exchange(bool barrier, bool second_barrier) {
  unsigned short* elements = shared_elements();
  elements[threadIdx.x] = static_cast<unsigned short>(threadIdx.x);
  if (barrier) {
    __syncthreads();
  }
  const volatile unsigned short neighbour = elements[(threadIdx.x + 1) % kThreads];  // volatile: the load stays
  if (second_barrier) {
    __syncthreads();
  }
  elements[threadIdx.x] = static_cast<unsigned short>(neighbour - 1);
}

TEST_CASE("plain accesses: barriers between writes and reads are demanded, both ways") {
  CHECK(launch_block([] { exchange(true, true); }).text() == "");
  const Report no_first = launch_block([] { exchange(false, true); });
  CHECK((no_first.has(Fault::race) || no_first.has(Fault::uninitialised)));
  const Report no_second = launch_block([] { exchange(true, false); });
  CHECK(no_second.has(Fault::race));
  CHECK(no_second.text().find("read with no barrier between") != std::string::npos);
}

TEST_CASE("two writers of one element race; of neighbouring elements they do not") {
  CHECK(launch_block([] { shared_elements()[threadIdx.x / 2] = 1; }).has(Fault::race));
  CHECK(launch_block([] { shared_elements()[threadIdx.x] = 1; }).text() == "");
}

TEST_CASE("within a warp __syncwarp is enough, between warps it is not") {
  const auto kernel = [](unsigned distance) {
    shared_elements()[threadIdx.x] = 1;
    __syncwarp();
    static_cast<void>(ptx::load_shared<2>(ptx::shared_address(&shared_elements()[threadIdx.x ^ distance])));
  };
  CHECK(launch_block([&] { kernel(1); }).text() == "");
  CHECK_FALSE(launch_block([&] { kernel(32); }).clean());
}

TEST_CASE("a numbered barrier orders its threads only") {
  const auto kernel = [](bool reader_joins) {
    Block& block = *Block::current();
    if (threadIdx.x == 0) {
      shared_elements()[0] = 1;
    }
    if (threadIdx.x < 32 || reader_joins) {
      block.barrier_sync(2, reader_joins ? 64 : 32, "bar.sync", Location::current());
    }
    if (threadIdx.x == 40) {
      static_cast<void>(ptx::load_shared<2>(ptx::shared_address(shared_elements())));
    }
  };
  CHECK(launch_block([&] { kernel(true); }).text() == "");
  CHECK_FALSE(launch_block([&] { kernel(false); }).clean());
}

TEST_CASE("shared memory is uninitialised at the start of every block") {
  GlobalMemory global;
  const Report report = launch({{2, 1, 1}, {kThreads, 1, 1}, kShared}, global, [] {
    if (blockIdx.x == 0) {
      shared_elements()[threadIdx.x] = 1;
    } else {
      static_cast<void>(ptx::load_shared<2>(ptx::shared_address(&shared_elements()[threadIdx.x])));
    }
  });
  CHECK(report.has(Fault::uninitialised));
  CHECK(report.text().find("block (1,0,0)") != std::string::npos);
}

TEST_CASE("accesses outside the block's shared memory end the launch") {
  CHECK(launch_block([] { shared_elements()[kShared / 2] = 1; }).has(Fault::bounds));
  CHECK(launch_block([] {
          static_cast<void>(ptx::load_shared<4>(ptx::shared_address(ptx::dynamic_shared()) - 4));
        }).has(Fault::bounds));
  CHECK(launch_block([] {
          ptx::store_shared<4>(ptx::shared_address(ptx::dynamic_shared()) + 2, {});
        }).has(Fault::alignment));
}

struct CopyMistake {
  bool wait = true;
  bool barrier = true;
};

// Each thread copies 16 bytes, and reads those of its neighbour.
Report copy_and_read(const CopyMistake& mistake, unsigned* sum) {
  GlobalMemory global;
  unsigned char* source = global.add({"source", Role::input, kThreads, 16, 32, 16});
  for (unsigned row = 0; row < kThreads; ++row) {
    std::memset(source + std::size_t{row} * 32, static_cast<int>(row), 16);
  }
  return launch({{1, 1, 1}, {kThreads, 1, 1}, kShared}, global, [&] {
    const unsigned destination = ptx::shared_address(ptx::dynamic_shared());
    ptx::cp_async<16>(destination + threadIdx.x * 16, source + std::size_t{threadIdx.x} * 32);
    ptx::cp_async_commit();
    if (mistake.wait) {
      ptx::cp_async_wait<0>();
    } else {
      ptx::cp_async_wait<1>();
    }
    if (mistake.barrier) {
      __syncthreads();
    }
    *sum += ptx::load_shared<16>(destination + (threadIdx.x ^ 33) * 16).words[3] & 0xffu;
  });
}

TEST_CASE("copies are there after the wait and a barrier, not earlier") {
  unsigned sum = 0;
  CHECK(copy_and_read({}, &sum).text() == "");
  CHECK(sum == kThreads * (kThreads - 1) / 2);
  const Report no_wait = copy_and_read({.wait = false}, &sum);
  CHECK(no_wait.has(Fault::in_flight));
  CHECK_FALSE(copy_and_read({.barrier = false}, &sum).clean());
}

TEST_CASE("a wait leaves the youngest groups in flight") {
  GlobalMemory global;
  unsigned char* source = global.add({"source", Role::input, 2, 16, 16, 16});
  std::memset(source, 7, 32);
  unsigned first = 0;
  unsigned second = 0;
  const auto kernel = [&](bool read_second) {
    const unsigned destination = ptx::shared_address(ptx::dynamic_shared());
    for (unsigned i = 0; i < 2; ++i) {
      ptx::cp_async<16>(destination + i * 16, source + std::size_t{i} * 16);
      ptx::cp_async_commit();
    }
    ptx::cp_async_wait<1>();
    first = ptx::load_shared<4>(destination).words[0];
    if (read_second) {
      second = ptx::load_shared<4>(destination + 16).words[0];
    }
  };
  const LaunchShape shape{{1, 1, 1}, {1, 1, 1}, kShared};
  CHECK(launch(shape, global, [&] { kernel(false); }).text() == "");
  CHECK(first == 0x07070707u);
  CHECK(launch(shape, global, [&] { kernel(true); }).has(Fault::in_flight));
  CHECK(second == 0xffffffffu);
}

TEST_CASE("a copy into bytes that others still read is a race") {
  GlobalMemory global;
  unsigned char* source = global.add({"source", Role::input, 1, 16, 16, 16});
  const auto kernel = [&](bool barrier) {
    const unsigned destination = ptx::shared_address(ptx::dynamic_shared());
    if (threadIdx.x == 0) {
      ptx::store_shared<16>(destination, {});
    }
    __syncthreads();
    static_cast<void>(ptx::load_shared<4>(destination));
    if (barrier) {
      __syncthreads();
    }
    if (threadIdx.x == 5) {  // not the last to arrive, so that others have read when it copies
      ptx::cp_async<16>(destination, source);
    }
  };
  const LaunchShape shape{{1, 1, 1}, {kThreads, 1, 1}, kShared};
  CHECK(launch(shape, global, [&] { kernel(true); }).text() == "");
  const Report report = launch(shape, global, [&] { kernel(false); });
  INFO(report.text());
  CHECK(report.has(Fault::race));
}

TEST_CASE("ldmatrix reads rows that other threads wrote only after a barrier, at 16-byte addresses") {
  const auto kernel = [](bool barrier, unsigned offset) {
    const unsigned base = ptx::shared_address(ptx::dynamic_shared());
    if (threadIdx.x >= 32) {
      ptx::store_shared<16>(base + (threadIdx.x - 32) * 16, {});
    }
    if (barrier) {
      __syncthreads();
    }
    if (threadIdx.x < 32) {
      unsigned registers[4];
      ptx::ldmatrix_x4(registers, base + threadIdx.x * 16 + offset);
    }
  };
  CHECK(launch_block([&] { kernel(true, 0); }).text() == "");
  CHECK_FALSE(launch_block([&] { kernel(false, 0); }).clean());
  CHECK(launch_block([&] { kernel(true, 8); }).has(Fault::alignment));
}

}  // namespace
}  // namespace swiglu::emulator
