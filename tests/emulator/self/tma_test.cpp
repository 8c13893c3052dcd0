// Tensor maps, loads and stores of boxes: where every byte goes, what counts on the barrier, and the mistakes that are
// classics.
#include <doctest/doctest.h>

#include <cstring>
#include <stdexcept>
#include <vector>

#include "engine/launch.h"
#include "operations/tensor_map.h"
#include "ptx/mbarrier.cuh"
#include "ptx/memory.cuh"
#include "ptx/named_barrier.cuh"
#include "ptx/shared.cuh"
#include "ptx/tma.cuh"

namespace swiglu::emulator {
namespace {

constexpr unsigned kThreads = 64;
constexpr unsigned kShared = 32768;
constexpr unsigned kBarrier = kShared - 8;

unsigned at(unsigned offset) { return ptx::shared_address(ptx::dynamic_shared()) + offset; }

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
unsigned place(unsigned row, unsigned column, unsigned swizzle, unsigned box_columns) {
  const unsigned pitch = swizzle == 0 ? box_columns * 2 : swizzle;
  const unsigned moved = swizzle == 128 ? row % 8 : swizzle == 64 ? row / 2 % 4 : swizzle == 32 ? row / 4 % 2 : 0;
  return row * pitch + ((column / 8) ^ moved) * 16 + column % 8 * 2;
}

struct Box {
  unsigned rows;
  unsigned columns;
  unsigned swizzle;
  int x;
  int y;

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
      ptx::tma_load(at(0), map, box.x, box.y, at(kBarrier));
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

struct StoreMistake {
  bool fence = true;
  bool fence_by_issuer = false;
  bool fence_before_writing = false;
  bool barrier = true;
  bool commit = true;
  bool wait = true;       // for the writing, at the end
  bool wait_read = true;  // before the second round's staging
  bool second_barrier = true;
  unsigned unwritten = ~0u;  // a thread that writes nothing
  unsigned source = 0;
};

// Two rounds: all threads stage a box of 16 x 64, one stores it. Thread t writes row t / 4, chunks 2 (t % 4) and the
// next.
void stage_and_store(const StoreMistake& mistake, const TensorMap& map, int x, int y) {
  for (int round = 0; round < 2; ++round) {
    if (mistake.fence_before_writing) {
      ptx::fence_proxy_async();
    }
    const unsigned row = threadIdx.x / 4;
    for (unsigned chunk = threadIdx.x % 4 * 2; chunk < threadIdx.x % 4 * 2 + 2; ++chunk) {
      ptx::Packet<16> packet;
      for (unsigned word = 0; word < 4; ++word) {
        const auto element = [&](unsigned i) {
          return unsigned{
              Matrix::element(y + round * 16 + static_cast<int>(row), x + static_cast<int>(chunk * 8 + word * 2 + i))};
        };
        packet.words[word] = element(0) | element(1) << 16;
      }
      if (threadIdx.x != mistake.unwritten) {
        ptx::store_shared<16>(at(mistake.source + place(row, chunk * 8, 128, 64)), packet);
      }
    }
    if (mistake.fence && !mistake.fence_before_writing) {
      ptx::fence_proxy_async();
    }
    if (mistake.barrier) {
      ptx::barrier_sync<kThreads>(1);
    }
    if (threadIdx.x == 0) {
      if (mistake.fence_by_issuer) {
        ptx::fence_proxy_async();
      }
      ptx::tma_store(map, x, y + round * 16, at(mistake.source));
      if (mistake.commit) {
        ptx::tma_store_commit();
      }
      if (mistake.wait_read) {
        ptx::tma_store_wait_read<0>();
      }
    }
    if (mistake.second_barrier) {
      ptx::barrier_sync<kThreads>(1);
    }
  }
  if (threadIdx.x == 0 && mistake.wait) {
    ptx::tma_store_wait<0>();
  }
}

Report store(const StoreMistake& mistake, Matrix& matrix, int x, int y) {
  const TensorMap map = matrix.map(16, 64, 128);
  return matrix.run([&] { stage_and_store(mistake, map, x, y); });
}

TEST_CASE("tma_store: the part of the box inside the matrix, in all directions") {
  for (const int x : {0, -3, 5}) {
    for (const int y : {0, -5, 2}) {
      // As large as what the two boxes cover of it, so that every byte is written once.
      Matrix matrix(Role::output, y + 32 > 29 ? 29 : y + 32, x + 64 > 61 ? 61 : x + 64);
      Report report = store({}, matrix, x, y);
      if (x > 0 || y > 0) {  // of these nobody wrote the first rows and columns
        CHECK(report.has(Fault::uninitialised));
        CHECK(report.findings().size() == 1);
      } else {
        CHECK(report.text() == "");
      }
      int wrong = 0;
      for (int row = std::max(y, 0); row < matrix.rows; ++row) {
        for (int column = std::max(x, 0); column < matrix.columns; ++column) {
          wrong += matrix.stored(row, column) != Matrix::element(row, column) ? 1 : 0;
        }
      }
      CHECK(wrong == 0);
      CHECK(report.counters.tma_stores == 2);
      CHECK(report.counters.tma_stored_bytes ==
            static_cast<std::uint64_t>((matrix.rows - std::max(y, 0)) * (matrix.columns - std::max(x, 0)) * 2));
    }
  }
}

TEST_CASE("tma_store: fences, barriers, waits") {
  const auto wrong = [](const StoreMistake& mistake) {
    Matrix matrix(Role::output, 32, 64);
    return store(mistake, matrix, 0, 0);
  };
  CHECK(wrong({}).text() == "");
  CHECK(wrong({.fence = false}).has(Fault::proxy));
  CHECK(wrong({.fence_before_writing = true}).has(Fault::proxy));
  CHECK(wrong({.fence = false, .fence_by_issuer = true}).has(Fault::proxy));  // which covers its own writes only
  CHECK(wrong({.barrier = false}).has(Fault::uninitialised));                 // nobody has come yet
  CHECK(wrong({.commit = false}).has(Fault::in_flight));
  CHECK(wrong({.wait = false}).has(Fault::in_flight));
  CHECK(wrong({.wait_read = false}).has(Fault::race));
  CHECK(wrong({.second_barrier = false}).has(Fault::race));
  CHECK(wrong({.unwritten = 17}).has(Fault::uninitialised));
  CHECK(wrong({.source = 64}).has(Fault::alignment));
  CHECK(wrong({.wait_read = false}).text().find("a store of thread 0 reads") != std::string::npos);
}

TEST_CASE("tma_store: rows outside the matrix need not have been staged") {
  Matrix matrix(Role::output, 31, 64);
  CHECK(store({.unwritten = 60}, matrix, 0, 0).has(Fault::uninitialised));  // of the first round, which is inside
  Matrix two(Role::output, 20, 64);
  const TensorMap map = two.map(16, 64, 128);
  CHECK(two.run([&] {
             if (threadIdx.x < 16) {
               for (unsigned chunk = 0; chunk < 8; ++chunk) {
                 ptx::store_shared<16>(at(place(threadIdx.x, chunk * 8, 128, 64)), {});
                 if (threadIdx.x < 4) {
                   ptx::store_shared<16>(at(2048 + place(threadIdx.x, chunk * 8, 128, 64)), {});
                 }
               }
               ptx::fence_proxy_async();
             }
             __syncthreads();
             if (threadIdx.x == 9) {
               ptx::tma_store(map, 0, 0, at(0));
               ptx::tma_store(map, 0, 16, at(2048));
               ptx::tma_store_commit();
               ptx::tma_store_wait<0>();
             }
           })
            .text() == "");
}

TEST_CASE("tma_store: a wait leaves the youngest groups unread") {
  const auto kernel = [](bool wait_for_all) {
    Matrix matrix(Role::output, 32, 64);
    const TensorMap map = matrix.map(16, 64, 128);
    return matrix.run([&, wait_for_all] {
      for (unsigned i = threadIdx.x; i < 2 * 16 * 8; i += kThreads) {
        ptx::store_shared<16>(at(i * 16), {});
      }
      ptx::fence_proxy_async();
      __syncthreads();
      if (threadIdx.x == 0) {
        for (int i = 0; i < 2; ++i) {
          ptx::tma_store(map, 0, 16 * i, at(2048 * static_cast<unsigned>(i)));
          ptx::tma_store_commit();
        }
        wait_for_all ? ptx::tma_store_wait_read<0>() : ptx::tma_store_wait_read<1>();
        ptx::store_shared<16>(at(0), {});
        ptx::store_shared<16>(at(2048), {});
        ptx::tma_store_wait<0>();
      }
    });
  };
  CHECK(kernel(true).text() == "");
  const Report report = kernel(false);
  CHECK(report.has(Fault::race));
  CHECK(report.text().find("shared offset 2048") != std::string::npos);
  CHECK(report.text().find("shared offset 0:") == std::string::npos);
}

TEST_CASE("tma_store: rows written twice, and rows of an input") {
  const auto twice = [](int y) {
    Matrix matrix(Role::output, 32, 64);
    const TensorMap map = matrix.map(16, 64, 128);
    return matrix.run([&, y] {
      for (unsigned i = threadIdx.x; i < 16 * 8; i += kThreads) {
        ptx::store_shared<16>(at(i * 16), {});
      }
      ptx::fence_proxy_async();
      __syncthreads();
      if (threadIdx.x == 0) {
        ptx::tma_store(map, 0, 0, at(0));
        ptx::tma_store(map, 0, y, at(0));
        ptx::tma_store_commit();
        ptx::tma_store_wait<0>();
      }
    });
  };
  CHECK(twice(16).text() == "");
  CHECK(twice(15).has(Fault::rewritten));
  Matrix input(Role::input, 32, 64);
  CHECK(store({}, input, 0, 0).has(Fault::bounds));
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
