// One builder a key, others wait for that key only, failures reach everybody and are forgotten.
#include <doctest/doctest.h>

#include "kernels/single_flight.h"

#include <atomic>
#include <chrono>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace swiglu {
namespace {

constexpr int kThreads = 8;

using Flights = SingleFlight<int>;

std::shared_ptr<const int> value(int number) { return std::make_shared<const int>(number); }

template <typename Action>
void in_threads(Action&& action) {
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { action(i); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST_CASE("many callers of one key share one build") {
  Flights flights;
  std::atomic<int> builds{0};
  std::vector<Flights::Pointer> results(kThreads);
  std::latch start(kThreads);
  in_threads([&](int i) {
    start.arrive_and_wait();
    results[static_cast<std::size_t>(i)] = flights.get("key", [&] {
      ++builds;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      return value(7);
    });
  });
  CHECK(builds == 1);
  for (const auto& result : results) {
    CHECK(result == results[0]);
    CHECK(*result == 7);
  }
}

TEST_CASE("builds of different keys run at the same time") {
  Flights flights;
  std::latch all_building(kThreads);  // would never open if one build waited for another
  in_threads([&](int i) {
    flights.get(std::to_string(i), [&] {
      all_building.arrive_and_wait();
      return value(i);
    });
  });
  CHECK(*flights.find("3") == 3);
}

TEST_CASE("a failure reaches all who wait, and the next call tries again") {
  Flights flights;
  std::atomic<int> builds{0};
  std::atomic<int> failures{0};
  std::latch start(kThreads);
  in_threads([&](int) {
    start.arrive_and_wait();
    try {
      flights.get("key", [&]() -> Flights::Pointer {
        ++builds;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        throw std::runtime_error("no");
      });
    } catch (const std::runtime_error& error) {
      failures += std::string(error.what()) == "no" ? 1 : 0;
    }
  });
  CHECK(failures == kThreads);
  CHECK(builds >= 1);
  CHECK(builds < kThreads);  // most of them waited: a build lasts far longer than the threads' start
  CHECK(flights.find("key") == nullptr);
  CHECK(*flights.get("key", [] { return value(1); }) == 1);
}

TEST_CASE("find sees what is whole alone") {
  Flights flights;
  CHECK(flights.find("key") == nullptr);
  flights.get("key", [&] {
    CHECK(flights.find("key") == nullptr);
    return value(1);
  });
  CHECK(*flights.find("key") == 1);
}

TEST_CASE("put replaces and forget removes, also during a flight") {
  Flights flights;
  flights.put("key", value(1));
  CHECK(*flights.get("key", [] { return value(2); }) == 1);
  flights.forget("key");
  CHECK(flights.find("key") == nullptr);
  const auto built = flights.get("key", [&] {
    flights.put("key", value(9));
    return value(2);
  });
  CHECK(*built == 2);
  CHECK(*flights.find("key") == 9);
  const auto fail = [&]() -> Flights::Pointer {
    flights.put("key", value(10));
    throw std::runtime_error("no");
  };
  flights.forget("key");
  CHECK_THROWS(flights.get("key", fail));
  CHECK(*flights.find("key") == 10);  // the failure took away its own flight only
}

}  // namespace
}  // namespace swiglu
