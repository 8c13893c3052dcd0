#include "operations/mbarrier.h"

#include <functional>
#include <string>

#include "operations/operations.h"
#include "operations/who.h"

namespace swiglu::emulator {
namespace {

constexpr unsigned kBytes = 8;

void refuse(Block& block, const char* operation, const Location& where, const Mbarrier& barrier,
            const std::string& error) {
  if (!error.empty()) {
    block.stop(Fault::object, operation + to_text(where),
               fmt::format("{}: {}: {}", who(block, operation, where), error, barrier.text()));
  }
}

}  // namespace

Mbarrier& live_mbarrier(Block& block, unsigned address, const char* operation, const Location& where) {
  check_shared_alignment(block, address, kBytes, operation, where);
  const auto found = block.mbarriers().find(address);
  if (found == block.mbarriers().end()) {
    block.stop(Fault::object, operation + to_text(where),
               fmt::format("{}: there is no mbarrier at shared offset {}", who(block, operation, where),
                           address - SharedMemory::kWindow));
  }
  Mbarrier& barrier = found->second;
  if (!block.ordering().ordered(barrier.initialiser(), barrier.initialised(), block.thread())) {
    block.report().add(Fault::race, operation + to_text(where),
                       fmt::format("{}: {} initialised it with no barrier between: {}", who(block, operation, where),
                                   thread_text(barrier.initialiser()), barrier.text()));
  }
  return barrier;
}

void mbarrier_init(unsigned address, unsigned arrivals, const Location& where) {
  constexpr const char* kOperation = "mbarrier_init";
  Block& block = *Block::current();
  check_shared_alignment(block, address, kBytes, kOperation, where);
  if (arrivals < 1 || arrivals > Mbarrier::kMostArrivals) {
    block.stop(Fault::object, to_text(where), fmt::format("{}: {} arrivals", who(block, kOperation, where), arrivals));
  }
  if (!block.shared().reserve(block.thread(), address, kBytes, block.shared().site({kOperation, where}))) {
    block.stop();
  }
  block.mbarriers().emplace(std::piecewise_construct, std::forward_as_tuple(address),
                            std::forward_as_tuple(address, arrivals, block.thread(), block.ordering(), block.shared()));
}

void mbarrier_fence_init() {
  Block& block = *Block::current();
  for (auto& [address, barrier] : block.mbarriers()) {
    barrier.fenced = barrier.fenced || barrier.initialiser() == block.thread();
  }
}

void mbarrier_arrive(unsigned address, const Location& where) {
  Block& block = *Block::current();
  Mbarrier& barrier = live_mbarrier(block, address, "mbarrier_arrive", where);
  refuse(block, "mbarrier_arrive", where, barrier, barrier.arrive(block.thread()));
}

void mbarrier_arrive_expect(unsigned address, unsigned bytes, const Location& where) {
  constexpr const char* kOperation = "mbarrier_arrive_expect";
  Block& block = *Block::current();
  Mbarrier& barrier = live_mbarrier(block, address, kOperation, where);
  refuse(block, kOperation, where, barrier, barrier.expect(bytes));
  refuse(block, kOperation, where, barrier, barrier.arrive(block.thread()));
}

void mbarrier_wait(unsigned address, unsigned parity, const Location& where) {
  constexpr const char* kOperation = "mbarrier_wait";
  Block& block = *Block::current();
  Mbarrier& barrier = live_mbarrier(block, address, kOperation, where);
  if (parity > 1) {
    block.stop(Fault::object, to_text(where), fmt::format("{}: parity {}", who(block, kOperation, where), parity));
  }
  std::string error;
  const auto ready = [&] {
    if (!barrier.complete(parity)) {
      error = barrier.wait(parity);
    }
    return barrier.complete(parity) || !error.empty();
  };
  block.wait_until(std::cref(ready), kOperation, where);
  refuse(block, kOperation, where, barrier, error);
  barrier.join(block.thread());
}

}  // namespace swiglu::emulator
