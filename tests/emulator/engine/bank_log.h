// Bank conflicts of per-thread accesses to shared memory (copies, typed loads and stores).
//
// Threads run one after another here, so the lanes of one warp instruction are brought together afterwards: the i-th
// execution of a place by one lane belongs with the i-th of the others. A predicate that differs between lanes shifts
// that pairing. Collective operations (ldmatrix) count directly through bank_use().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/report.h"

namespace swiglu::emulator {

// The phases that one warp access of `bytes` a lane takes: lanes are served in groups that fill 128 bytes, the 32 banks
// of 4 bytes; within a group, different words of the same bank take turns.
BankUse bank_use(std::span<const unsigned> addresses, std::size_t bytes);

class BankLog {
 public:
  explicit BankLog(bool enabled) : enabled_(enabled) {}

  void add(int thread, std::uint16_t site, unsigned address, std::size_t bytes, BankUse& total);
  // Counts what was logged since; at barriers and at the end of a block.
  void flush();

 private:
  struct Entry {
    std::uint64_t key;  // warp, site, occurrence
    std::uint32_t lane;
    unsigned address;
    std::uint32_t bytes;
    BankUse* total;
  };
  bool enabled_;
  std::vector<Entry> entries_;
  std::unordered_map<std::uint64_t, std::uint32_t> occurrences_;  // by thread and site
};

}  // namespace swiglu::emulator
