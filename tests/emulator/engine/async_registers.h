// Registers that a warpgroup's asynchronous instructions write: accumulators.
//
// From the issue of an instruction until a wait of the warp covers its group, the registers hold poison and the sums
// stand here, as every register's 32 bits. The registers are variables of the emulated threads, known by address.
// A group belongs to the warpgroup: it is complete when any of the four warps has waited for it. What it wrote reaches
// a warp's registers by that warp's own wait.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <vector>

#include "engine/ordering.h"

namespace swiglu::emulator {

class AsyncRegisters {
 public:
  static constexpr int kWarps = 4;
  static constexpr int kThreads = 128;
  static constexpr unsigned char kPoison = 0xff;  // in every byte: NaN in f32 and in two f16

  using Pointers = std::array<unsigned char*, kThreads>;

  // Kept by the warpgroup: `shape` tells instructions apart that may not follow each other on the same registers.
  struct Accumulator {
    Pointers registers;
    int count;  // registers of a thread
    int shape;
    std::vector<std::uint32_t> sums;  // [thread][count]
    std::uint64_t instruction = 0;    // the last that adds to them
    std::array<bool, kWarps> in_flight{};
    std::array<bool, kWarps> touched{};  // by other instructions since the warp's last fence

    std::uint32_t* of(int thread) { return &sums[static_cast<std::size_t>(thread) * static_cast<std::size_t>(count)]; }
    std::size_t bytes() const { return static_cast<std::size_t>(count) * sizeof(std::uint32_t); }
  };

  // The accumulator of an instruction issued now, its sums taken from the registers where no instruction is in flight;
  // poisons the registers. `error`: why it may not be issued, where that is so.
  Accumulator& issue(const Pointers& registers, int count, int shape, std::string& error);

  void fence(int warp);
  void commit(int warp, Ordering::Time now);
  // Fills the warp's registers of all groups but the `pending` most recent ones. Until when they have read memory, 0 if
  // there are none. `error` as above.
  Ordering::Time wait(int warp, std::size_t pending, std::string& error);

  // A load or store of a variable that may be one of those registers. false: one whose value is in flight.
  bool touch(int thread, const void* pointer, std::size_t bytes);

  // What the warp issued and did not wait for: "" if nothing.
  std::string unfinished(int warp) const;
  void clear();

  int agent = -1;  // the reader of shared memory
  std::string name;

 private:
  struct Group {
    std::uint64_t instruction;  // up to this one
    Ordering::Time time;
  };
  std::string why_not(const Accumulator& accumulator) const;
  Accumulator& find_or_add(const Pointers& registers, int count, int shape, std::string& error);
  void deliver(Accumulator& accumulator, int warp, std::string& error);

  std::list<Accumulator> accumulators_;
  std::array<std::deque<Group>, kWarps> groups_;
  std::array<std::uint64_t, kWarps> committed_{};
  std::array<bool, kWarps> fenced_{};  // since the start or the last wait
  std::uint64_t issued_ = 0;
};

}  // namespace swiglu::emulator
