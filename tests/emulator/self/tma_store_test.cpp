// Stores of boxes: which bytes go where, who may read and write the staged box when, and the mistakes that are
// classics.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "ptx/memory.cuh"
#include "ptx/named_barrier.cuh"
#include "ptx/shared.cuh"
#include "ptx/tma.cuh"
#include "self/tma_fixture.h"

namespace swiglu::emulator {
namespace {

using namespace boxes;

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

}  // namespace
}  // namespace swiglu::emulator
