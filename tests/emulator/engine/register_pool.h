// The registers of a block, which its warpgroups hand back and take: each begins with as many a thread as the launch
// gives all.
#pragma once

#include <vector>

namespace swiglu::emulator {

class RegisterPool {
 public:
  static constexpr int kMultiprocessor = 65536;
  static constexpr int kUnit = 8;

  // What a thread begins with if the launch does not say: all that the multiprocessor has for so many threads.
  static int default_registers(int threads);

  void begin_block(int warpgroups, int registers) {
    registers_.assign(static_cast<std::size_t>(warpgroups), registers);
    free_ = 0;
  }
  int of(int warpgroup) const { return registers_[static_cast<std::size_t>(warpgroup)]; }
  bool can_set(int warpgroup, int registers) const { return free_ >= registers - of(warpgroup); }
  void set(int warpgroup, int registers) {
    free_ -= registers - of(warpgroup);
    registers_[static_cast<std::size_t>(warpgroup)] = registers;
  }

 private:
  int free_ = 0;  // by thread of a warpgroup
  std::vector<int> registers_;
};

inline int RegisterPool::default_registers(int threads) {
  constexpr int kMost = 255;
  const int share = kMultiprocessor / threads / kUnit * kUnit;
  return share < kMost ? share : kMost;
}

}  // namespace swiglu::emulator
