// The roles of the worker processes. A warning of the store is a failure: no process may see a damaged entry.
#include "worker.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "store/kernel_store.h"
#include "support/kernel_entries.h"
#include "support/log_capture.h"

namespace swiglu::test {
namespace {

using Clock = std::chrono::steady_clock;

KernelEntry entry_of(int number) { return made_up_entry(number, kCubinBytes); }

int failed(const char* role, const std::string& why) {
  std::fprintf(stderr, "store_stress worker %d (%s): %s\n", static_cast<int>(::getpid()), role, why.c_str());
  return 1;
}

int warned(const char* role, const LogCapture& log) { return log.count() == 0 ? 0 : failed(role, log.last()); }

// 0: a miss, 1: the entry, -1: something else.
int look_up(KernelStore& store, int number) {
  const auto found = store.find(made_up_key(number));
  return !found ? 0 : same(found->entry, entry_of(number)) ? 1 : -1;
}

int cold_start(KernelStore& store, const LogCapture& log) {
  for (int number = 0; number < kEntries; ++number) {
    const int found = look_up(store, number);
    if (found < 0 || (found == 0 && !store.put(entry_of(number)))) {
      return failed("coldstart", "entry " + std::to_string(number) + (found < 0 ? " is wrong" : " was not stored"));
    }
  }
  for (int number = 0; number < kEntries; ++number) {
    if (look_up(store, number) != 1) {
      return failed("coldstart", "entry " + std::to_string(number) + " is missing afterwards");
    }
  }
  return warned("coldstart", log);
}

int write_for_ever(KernelStore& store, int gate) {
  if (::write(gate, "w", 1) != 1) {
    return failed("write", "cannot tell that it has started");
  }
  for (int number = 0;; number = (number + 1) % kEntries) {
    store.put(entry_of(number));
  }
}

int read_for(KernelStore& store, const LogCapture& log, std::chrono::milliseconds duration) {
  const auto end = Clock::now() + duration;
  int hits = 0;
  while (Clock::now() < end) {
    for (int number = 0; number < kEntries; ++number) {
      const int found = look_up(store, number);
      if (found < 0) {
        return failed("read", "entry " + std::to_string(number) + " is wrong");
      }
      hits += found;
    }
  }
  return hits == 0 ? failed("read", "not one hit") : warned("read", log);
}

int evict_for(KernelStore& store, const LogCapture& log, std::chrono::milliseconds duration) {
  const auto end = Clock::now() + duration;
  std::minstd_rand random(static_cast<unsigned>(::getpid()));
  while (Clock::now() < end) {
    store.prune(random() % (kEntries * kCubinBytes));
    for (int i = 0; i < kEntries / 2; ++i) {
      if (!store.put(entry_of(static_cast<int>(random() % kEntries)))) {
        return failed("evict", "an entry was not stored");
      }
    }
  }
  return warned("evict", log);
}

void wait_for_gate(int descriptor) {
  char byte = 0;
  while (descriptor >= 0 && ::read(descriptor, &byte, 1) > 0) {
  }
}

}  // namespace

int run_worker(int argc, char** argv) {
  if (argc != 6) {
    return failed("?", "usage: --worker <role> <directory> <number> <gate>");
  }
  const std::string role = argv[2];
  KernelStore::Options options;
  options.user_directory = argv[3];
  const std::chrono::milliseconds duration(std::atoi(argv[4]));
  const LogCapture log;
  KernelStore store(options);
  const int gate = std::atoi(argv[5]);
  if (role == "write") {
    return write_for_ever(store, gate);
  }
  wait_for_gate(gate);
  if (role == "coldstart") {
    return cold_start(store, log);
  }
  if (role == "read") {
    return read_for(store, log, duration);
  }
  if (role == "evict") {
    return evict_for(store, log, duration);
  }
  return failed("?", "unknown role " + role);
}

}  // namespace swiglu::test
