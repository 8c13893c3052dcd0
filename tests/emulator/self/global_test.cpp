// Global memory: what copies, loads and stores may touch, and what must be written.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>

#include "engine/launch.h"
#include "ptx/cp_async.cuh"
#include "ptx/memory.cuh"
#include "ptx/shared.cuh"

namespace swiglu::emulator {
namespace {

constexpr LaunchShape kOneThread{{1, 1, 1}, {1, 1, 1}, 1024};

// Three rows of 20 bytes, 32 apart.
struct Buffers {
  GlobalMemory global;
  unsigned char* input = global.add({"input", Role::input, 3, 20, 32, 16});
};

TEST_CASE("bases have exactly the alignment asked for, and the last row ends at the guard") {
  GlobalMemory global;
  for (const std::size_t alignment : {std::size_t{2}, std::size_t{4}, std::size_t{8}, std::size_t{16}}) {
    unsigned char* base = global.add({"b", Role::input, 5, 22, 48, alignment});
    CHECK(reinterpret_cast<std::uintptr_t>(base) % alignment == 0);
    if (alignment < 16) {
      CHECK(reinterpret_cast<std::uintptr_t>(base) % (2 * alignment) == alignment);
    }
    const auto end = reinterpret_cast<std::uintptr_t>(base) + 4 * 48 + 22;
    CHECK((4096 - end % 4096) % 4096 < 16 + alignment);
  }
}

TEST_CASE("copies may read valid bytes inside rows only") {
  const auto copy = [](std::size_t offset, int valid) {
    Buffers buffers;
    return launch(kOneThread, buffers.global, [&] {
      ptx::cp_async<16>(ptx::shared_address(ptx::dynamic_shared()), buffers.input + offset, valid);
    });
  };
  CHECK(copy(0, 16).text() == "");
  CHECK(copy(16, 4).text() == "");
  CHECK(copy(16, 0).text() == "");
  CHECK(copy(96, 0).text() == "");  // behind the buffer, but nothing is read
  CHECK(copy(16, 5).has(Fault::bounds));
  CHECK(copy(96, 1).has(Fault::bounds));
  CHECK(copy(4, 4).has(Fault::alignment));
  CHECK(copy(0, 17).has(Fault::bounds));
  CHECK(copy(16, 8).text().find("input row 0 byte 16") != std::string::npos);
}

TEST_CASE("what a copy does not read arrives as zeros") {
  Buffers buffers;
  std::memset(buffers.input, 0x55, 20);
  unsigned words[4] = {};
  const Report report = launch(kOneThread, buffers.global, [&] {
    const unsigned destination = ptx::shared_address(ptx::dynamic_shared());
    ptx::cp_async<16>(destination, buffers.input, 6);
    ptx::cp_async_commit();
    ptx::cp_async_wait<0>();
    std::memcpy(words, ptx::load_shared<16>(destination).words, sizeof(words));
  });
  CHECK(report.text() == "");
  CHECK(words[0] == 0x55555555u);
  CHECK(words[1] == 0x5555u);
  CHECK(words[2] == 0u);
  CHECK(words[3] == 0u);
  CHECK(report.counters.copied_bytes == 6);
}

TEST_CASE("plain loads beyond a row, of an output, and stores to an input are caught") {
  Buffers buffers;
  unsigned char* output = buffers.global.add({"output", Role::output, 1, 2, 2, 2});
  volatile unsigned short sink = 0;
  const auto run = [&](const std::function<void()>& kernel) { return launch(kOneThread, buffers.global, kernel); };
  const auto at = [](unsigned char* base, std::size_t offset) {
    return reinterpret_cast<unsigned short*>(base + offset);
  };
  const auto write_output = [&] { *at(output, 0) = 1; };
  CHECK(run([&] {
          write_output();
          sink = *at(buffers.input, 18);
        }).text() == "");
  CHECK(run([&] { sink = *at(buffers.input, 20); }).has(Fault::bounds));
  CHECK(run([&] { sink = *at(buffers.input, 96); }).has(Fault::bounds));
  CHECK(run([&] { sink = *at(output, 0); }).has(Fault::bounds));
  CHECK(run([&] { *at(buffers.input, 0) = 1; }).has(Fault::bounds));
  CHECK(run([&] {
          sink = static_cast<unsigned short>(ptx::load_global<4>(buffers.input + 2).words[0]);
        }).has(Fault::alignment));
}

TEST_CASE("every output byte must be written, and once") {
  GlobalMemory global;
  auto* output = reinterpret_cast<unsigned short*>(global.add({"output", Role::output, 2, 4, 8, 8}));
  const LaunchShape two_threads{{1, 1, 1}, {2, 1, 1}, 0};
  const auto run = [&](const std::function<void()>& kernel) { return launch(two_threads, global, kernel); };
  const auto good = [&] {
    output[threadIdx.x * 4] = 1;
    output[threadIdx.x * 4 + 1] = 2;
  };
  CHECK(run(good).text() == "");
  const Report missing = run([&] { output[threadIdx.x * 4] = 1; });
  CHECK(missing.has(Fault::uninitialised));
  CHECK(missing.text().find("never written: output row 0 byte 2") != std::string::npos);
  CHECK(run([&] {
          good();
          output[0] = 1;
        }).has(Fault::rewritten));
  CHECK(run([&] { output[2] = 1; }).has(Fault::bounds));
}

TEST_CASE("rows that are due to be written twice must be, with the same bits") {
  GlobalMemory global;
  auto* output = reinterpret_cast<unsigned short*>(global.add({"output", Role::output, 2, 2, 2, 2, 1, 2}));
  const auto run = [&](const std::function<void()>& kernel) {
    return launch({{1, 1, 1}, {1, 1, 1}, 0}, global, kernel);
  };
  const auto write_all = [&](unsigned short second) {
    output[0] = 1;
    output[1] = 2;
    output[1] = second;
  };
  CHECK(run([&] { write_all(2); }).text() == "");
  CHECK(run([&] { write_all(3); }).has(Fault::rewritten));
  CHECK(run([&] {
          write_all(2);
          output[0] = 1;
        }).has(Fault::rewritten));
  CHECK(run([&] {
          output[0] = 1;
          output[1] = 2;
        }).has(Fault::rewritten));
}

}  // namespace
}  // namespace swiglu::emulator
