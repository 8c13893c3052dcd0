// Loads of boxes: where every byte goes, what counts on the barrier, and the mistakes that are classics.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ptx/mbarrier.cuh"
#include "ptx/memory.cuh"
#include "ptx/named_barrier.cuh"
#include "ptx/shared.cuh"
#include "ptx/tma.cuh"
#include "self/tma_fixture.h"

namespace swiglu::emulator {
namespace {

using namespace boxes;

constexpr unsigned kBarrier = kShared - 8;

struct Box {
  unsigned rows;
  unsigned columns;
  unsigned swizzle;
  int x;
  int y;
  bool evict_first = false;

  unsigned bytes() const { return rows * columns * 2; }
};

void initialise(unsigned arrivals = 1, bool fence = true) {
  if (threadIdx.x == 0) {
    ptx::mbarrier_init(at(kBarrier), arrivals);
    if (fence) {
      ptx::mbarrier_fence_init();
    }
  }
  __syncthreads();
}

std::string check_load(Matrix& matrix, const Box& box) {
  const TensorMap map = matrix.map(static_cast<int>(box.rows), static_cast<int>(box.columns), box.swizzle);
  std::string wrong;
  const Report report = matrix.run([&] {
    initialise();
    if (threadIdx.x == 0) {
      ptx::tma_prefetch(map);
      ptx::mbarrier_arrive_expect(at(kBarrier), box.bytes());
      const auto load = box.evict_first ? ptx::tma_load_evict_first : ptx::tma_load;
      load(at(0), map, box.x, box.y, at(kBarrier), emulator::Location::current());
    }
    ptx::mbarrier_wait(at(kBarrier), 0);
    for (unsigned i = threadIdx.x; i < box.rows * box.columns; i += kThreads) {
      const unsigned row = i / box.columns;
      const unsigned column = i % box.columns;
      const unsigned value = ptx::load_shared<2>(at(place(row, column, box.swizzle, box.columns))).words[0];
      const int global_row = box.y + static_cast<int>(row);
      const int global_column = box.x + static_cast<int>(column);
      if (value != matrix.padded(global_row, global_column) && wrong.empty()) {
        wrong = "wrong at row " + std::to_string(row) + ", column " + std::to_string(column) + "\n";
      }
    }
  });
  return report.text() + wrong;
}

TEST_CASE("tma_load: swizzles, and zeros beyond each edge") {
  Matrix matrix(Role::input, 40, 100);
  for (const unsigned swizzle : {128u, 64u, 32u, 0u}) {
    const unsigned columns = swizzle == 0 ? 24 : swizzle / 2;
    CHECK(check_load(matrix, {16, columns, swizzle, 8, 3}) == "");
    CHECK(check_load(matrix, {16, columns, swizzle, -5, 3}) == "");   // left
    CHECK(check_load(matrix, {16, columns, swizzle, 95, 3}) == "");   // right
    CHECK(check_load(matrix, {16, columns, swizzle, 8, -7}) == "");   // above
    CHECK(check_load(matrix, {16, columns, swizzle, 8, 33}) == "");   // below
    CHECK(check_load(matrix, {16, columns, swizzle, 95, -7}) == "");  // a corner
    CHECK(check_load(matrix, {16, columns, swizzle, 95, -7, true}) == "");
    CHECK(check_load(matrix, {16, columns, swizzle, 200, 100}) == "");
    CHECK(check_load(matrix, {9, columns, swizzle, 1, 1}) == "");  // part of a pattern
  }
}

TEST_CASE("tma_load: rows shorter than the swizzle's span lie at its pitch, and what is between stays") {
  Matrix matrix(Role::input, 40, 100);
  CHECK(check_load(matrix, {16, 32, 128, 8, 3}) == "");
  CHECK(check_load(matrix, {16, 8, 64, 8, 3}) == "");
  const TensorMap map = matrix.map(16, 32, 128);
  unsigned kept = 0;
  const Report report = matrix.run([&] {
    initialise();
    if (threadIdx.x == 0) {
      // Where row 3 would have its chunk 4.
      ptx::store_shared<4>(at(3 * 128 + ((4 ^ 3) * 16)), {{77}});
      ptx::mbarrier_arrive_expect(at(kBarrier), 16 * 64);
      ptx::tma_load(at(0), map, 0, 0, at(kBarrier));
      ptx::mbarrier_wait(at(kBarrier), 0);
      kept = ptx::load_shared<4>(at(3 * 128 + ((4 ^ 3) * 16))).words[0];
    }
  });
  CHECK(report.text() == "");
  CHECK(kept == 77);
}

TEST_CASE("tma_load: what is read of global memory is counted, and rows of the map must exist") {
  Matrix matrix(Role::input, 40, 100);
  const auto load = [&](const TensorMap& map) {
    return matrix.run([&] {
      initialise();
      if (threadIdx.x == 0) {
        ptx::mbarrier_arrive_expect(at(kBarrier), 16 * 128);
        ptx::tma_load(at(0), map, 90, 30, at(kBarrier));
      }
      ptx::mbarrier_wait(at(kBarrier), 0);
    });
  };
  const Report report = load(matrix.map(16, 64, 128));
  CHECK(report.text() == "");
  CHECK(report.counters.tma_loads == 1);
  CHECK(report.counters.tma_loaded_bytes == 10 * 10 * 2);
  const auto pitch = static_cast<std::int64_t>(matrix.pitch);
  CHECK(load(make_tensor_map(matrix.base, 41, 100, pitch, 16, 64, 128)).has(Fault::bounds));
  CHECK(load(make_tensor_map(matrix.base, 40, 101, pitch, 16, 64, 128)).has(Fault::bounds));
  CHECK(load(TensorMap{}).has(Fault::object));
}

struct LoadMistake {
  unsigned expect = 16 * 128;
  bool wait = true;
  unsigned parity = 0;
  bool fence_init = true;
  unsigned destination = 0;
  int loads = 1;
};

// One thread loads a box, another reads of it.
Report load_and_read(const LoadMistake& mistake, bool reverse = false) {
  Matrix matrix(Role::input, 40, 100);
  const TensorMap map = matrix.map(16, 64, 128);
  return matrix.run(
      [&] {
        initialise(1, mistake.fence_init);
        if (threadIdx.x == 0) {
          ptx::mbarrier_arrive_expect(at(kBarrier), mistake.expect);
          for (int i = 0; i < mistake.loads; ++i) {
            ptx::tma_load(at(mistake.destination), map, 0, 0, at(kBarrier));
          }
        }
        __syncthreads();
        if (threadIdx.x == 40) {
          if (mistake.wait) {
            ptx::mbarrier_wait(at(kBarrier), mistake.parity);
          }
          static_cast<void>(ptx::load_shared<4>(at(mistake.destination)));
        }
      },
      reverse);
}

TEST_CASE("tma_load: the wait, its parity, the bytes announced, alignment") {
  for (const bool reverse : {false, true}) {
    CHECK(load_and_read({}, reverse).text() == "");
    CHECK(load_and_read({.wait = false}, reverse).has(Fault::in_flight));
    CHECK(load_and_read({.parity = 1}, reverse).has(Fault::in_flight));
    CHECK(load_and_read({.expect = 16 * 128 - 16}, reverse).has(Fault::object));  // more lands than was announced
    CHECK(load_and_read({.expect = 16 * 128 + 16}, reverse).has(Fault::barrier));
    CHECK(load_and_read({.fence_init = false}, reverse).has(Fault::proxy));
    CHECK(load_and_read({.destination = 1024}, reverse).text() == "");
    CHECK(load_and_read({.destination = 128}, reverse).has(Fault::alignment));
    CHECK(load_and_read({.destination = kShared - 1024}, reverse).has(Fault::bounds));
    CHECK(load_and_read({.loads = 2}, reverse).has(Fault::in_flight));  // one upon the other
  }
  CHECK(load_and_read({.wait = false}).text().find("ends before 1 copies have landed") != std::string::npos);
}

TEST_CASE("tma_load: only who has waited, or met one who has, is ordered after it") {
  const auto kernel = [](Matrix& matrix, bool barrier) {
    const TensorMap map = matrix.map(16, 64, 128);
    return matrix.run([&, barrier] {
      initialise();
      if (threadIdx.x == 0) {
        ptx::mbarrier_arrive_expect(at(kBarrier), 16 * 128);
        ptx::tma_load(at(0), map, 0, 0, at(kBarrier));
        ptx::mbarrier_wait(at(kBarrier), 0);
      }
      if (threadIdx.x < 32 || barrier) {
        barrier ? ptx::barrier_sync<64>(1) : ptx::barrier_sync<32>(1);
      }
      if (threadIdx.x == 40 || threadIdx.x == 5) {
        static_cast<void>(ptx::load_shared<4>(at(0)));
      }
    });
  };
  Matrix matrix(Role::input, 40, 100);
  CHECK(kernel(matrix, true).text() == "");
  const Report report = kernel(matrix, false);
  CHECK((report.has(Fault::race) || report.has(Fault::in_flight)));
}

TEST_CASE("tma_load: what threads read or wrote before is handed over first") {
  const auto kernel = [](bool read, bool fence, bool barrier) {
    Matrix matrix(Role::input, 40, 100);
    const TensorMap map = matrix.map(16, 64, 128);
    return matrix.run([&, read, fence, barrier] {
      initialise();
      if (threadIdx.x == 40) {
        ptx::store_shared<4>(at(0), {});
        if (fence) {
          ptx::fence_proxy_async();
        }
        if (read) {
          static_cast<void>(ptx::load_shared<4>(at(0)));
        }
      }
      if (barrier) {
        __syncthreads();
      }
      if (threadIdx.x == 63) {
        ptx::mbarrier_arrive_expect(at(kBarrier), 16 * 128);
        ptx::tma_load(at(0), map, 0, 0, at(kBarrier));
        ptx::mbarrier_wait(at(kBarrier), 0);
      }
    });
  };
  CHECK(kernel(true, true, true).text() == "");
  CHECK(kernel(false, true, false).has(Fault::race));
  CHECK(kernel(false, false, true).has(Fault::proxy));
}

// A ring of two stages that a producer fills and a consumer reads, with a mistake in the hand-over.
struct RingMistake {
  bool wait_empty = true;
  bool release_early = false;
  unsigned empty_parity = 1;
};

Report ring(const RingMistake& mistake, std::vector<unsigned>& received, bool reverse) {
  constexpr unsigned kStages = 2;
  constexpr unsigned kTiles = 5;
  constexpr unsigned kBytes = 16 * 128;
  Matrix matrix(Role::input, 16 * static_cast<int>(kTiles), 64);
  const TensorMap map = matrix.map(16, 64, 128);
  return matrix.run(
      [&] {
        const auto full = [](unsigned stage) { return at(kBarrier - 8 * stage); };
        const auto empty = [](unsigned stage) { return at(kBarrier - 8 * (kStages + stage)); };
        if (threadIdx.x == 0) {
          for (unsigned stage = 0; stage < kStages; ++stage) {
            ptx::mbarrier_init(full(stage), 1);
            ptx::mbarrier_init(empty(stage), 32);
          }
          ptx::mbarrier_fence_init();
        }
        __syncthreads();
        for (unsigned tile = 0; tile < kTiles; ++tile) {
          const unsigned stage = tile % kStages;
          const unsigned parity = tile / kStages % 2;
          if (threadIdx.x == 0) {
            if (mistake.wait_empty) {
              ptx::mbarrier_wait(empty(stage), parity ^ mistake.empty_parity);
            }
            ptx::mbarrier_arrive_expect(full(stage), kBytes);
            ptx::tma_load(at(stage * kBytes), map, 0, static_cast<int>(tile) * 16, full(stage));
          } else if (threadIdx.x >= 32) {
            ptx::mbarrier_wait(full(stage), parity);
            if (mistake.release_early) {
              ptx::mbarrier_arrive(empty(stage));
            }
            const unsigned value = ptx::load_shared<2>(at(stage * kBytes + threadIdx.x % 16 * 128)).words[0];
            if (threadIdx.x == 32) {
              received.push_back(value);
            }
            if (!mistake.release_early) {
              ptx::mbarrier_arrive(empty(stage));
            }
          }
        }
      },
      reverse);
}

TEST_CASE("tma_load: a ring of stages") {
  for (const bool reverse : {false, true}) {
    std::vector<unsigned> received;
    CHECK(ring({}, received, reverse).text() == "");
    CHECK(received == std::vector<unsigned>{1, 1 + 16 * 256, 1 + 32 * 256, 1 + 48 * 256, 1 + 64 * 256});
    CHECK_FALSE(ring({.wait_empty = false}, received, reverse).clean());
    CHECK_FALSE(ring({.release_early = true}, received, reverse).clean());
    CHECK(ring({.empty_parity = 0}, received, reverse).has(Fault::barrier));
  }
}

}  // namespace
}  // namespace swiglu::emulator
