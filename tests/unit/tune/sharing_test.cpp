// What tunings of one process share: time, and turns at compiling.
#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

#include "tune/compile_turns.h"
#include "tune/shared_time.h"

namespace swiglu {
namespace {

TEST_CASE("while n tunings are under way a second counts as a fraction 1/n of one for each") {
  double now = 100;
  SharedTime time([&] { return now; });
  const SharedTime::Share first(time);
  const double begin = first.seconds();
  now += 3;
  CHECK(first.seconds() - begin == 3);
  {
    const SharedTime::Share second(time);
    const double second_begin = second.seconds();
    now += 4;
    CHECK(second.seconds() - second_begin == 2);
    CHECK(first.seconds() - begin == 5);
    const SharedTime::Share third(time);
    const SharedTime::Share fourth(time);
    now += 8;
    CHECK(second.seconds() - second_begin == 4);
  }
  now += 1;
  CHECK(first.seconds() - begin == 8);
}

TEST_CASE("no more compile at once than there are turns, those of low rank before others") {
  CompileTurns turns(2);
  std::atomic<int> at_once{0};
  std::atomic<int> most{0};
  std::mutex mutex;
  std::vector<std::size_t> order;
  std::latch all_wait(8);
  {
    const CompileTurns::Turn both_taken(turns, 0);
    std::vector<std::jthread> threads;
    {
      const CompileTurns::Turn taken(turns, 0);
      for (std::size_t rank = 8; rank > 0; --rank) {
        threads.emplace_back([&, rank] {
          all_wait.count_down();
          const CompileTurns::Turn turn(turns, rank);
          most = std::max(most.load(), ++at_once);
          {
            const std::lock_guard lock(mutex);
            order.push_back(rank);
          }
          --at_once;
        });
      }
      all_wait.wait();
      while (turns.waiting() < 8) {
        std::this_thread::yield();
      }
    }
  }
  CHECK(order == std::vector<std::size_t>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(most == 1);  // the other turn was kept to the end
}

}  // namespace
}  // namespace swiglu
