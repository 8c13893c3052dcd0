// Turns at compiling, for all tunings of a process together: as many compiles at a time as there are processors,
// whoever asks for them. Of those who wait the one whose kernel matters most to its tuning comes first. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <set>

namespace swiglu {

class CompileTurns {
 public:
  explicit CompileTurns(int at_once) : free_(at_once) {}

  std::size_t waiting();

  // One compile, from when its turn has come. `rank`: 0 comes first.
  class Turn {
   public:
    Turn(CompileTurns& turns, std::size_t rank);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    CompileTurns& turns_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multiset<std::size_t> waiting_;  // ranks
  int free_;
};

CompileTurns& compile_turns();  // the process's: SWIGLU_CPU_THREADS at a time

}  // namespace swiglu
