// What a launch found and counted. Findings that say the same of the same two places are merged: the first is kept with
// the number of times.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/location.h"

namespace swiglu::emulator {

enum class Fault {
  race,           // two accesses, at least one a write, with no barrier between them
  uninitialised,  // shared memory read that nobody wrote in this block
  in_flight,      // memory or registers touched while an asynchronous write to them is unfinished, or never finished
  proxy,          // written by ordinary stores, used by an asynchronous unit, with no fence between
  object,         // an mbarrier, tensor map or operand descriptor that is none, or that something else overwrites
  registers,      // accumulators without wgmma_fence; more registers asked for than there are
  divergence,     // lanes of a warp at different collective operations
  barrier,        // threads wait for others that never come
  bounds,         // outside a buffer's rows or the block's shared memory; a read of an output or a write to an input
  alignment,
  rewritten,  // an output byte written more often than is due, or with other bits
  crash       // a wild pointer
};

const char* fault_name(Fault);

struct Finding {
  Fault fault;
  std::string text;
  std::uint64_t times;
};

// Shared memory serves a warp's access in phases of 128 bytes. `conflicts` are the phases needed beyond the least
// possible.
struct BankUse {
  std::uint64_t phases = 0;
  std::uint64_t conflicts = 0;
};

// Sums over all blocks of the launch. Warp operations count once a warp, copies once a thread.
struct Counters {
  std::uint64_t barriers = 0;
  std::uint64_t mma = 0;
  std::uint64_t ldmatrix = 0;  // matrices of 8x8, so an .x4 counts four
  std::uint64_t copies = 0;
  std::uint64_t copied_bytes = 0;      // valid bytes: what is read from global memory
  std::uint64_t stmatrix = 0;          // matrices of 8x8
  std::uint64_t wgmma = 0;             // once a warpgroup
  std::uint64_t tma_loads = 0;         // boxes, each with
  std::uint64_t tma_loaded_bytes = 0;  // what is read of global memory
  std::uint64_t tma_stores = 0;
  std::uint64_t tma_stored_bytes = 0;  // what is written of it
  BankUse ldmatrix_banks;
  BankUse stmatrix_banks;
  BankUse copy_banks;
  BankUse shared_load_banks;
  BankUse shared_store_banks;
};

class Report {
 public:
  void add(Fault fault, const std::string& key, const std::string& text);

  // Lines for a failed test: empty when there is nothing to say.
  std::string text() const;
  bool has(Fault fault) const;
  bool clean() const { return findings_.empty(); }
  const std::vector<Finding>& findings() const { return findings_; }

  Counters counters;

 private:
  std::vector<Finding> findings_;
  std::vector<std::string> keys_;
};

std::string to_text(const Location& where);

}  // namespace swiglu::emulator
