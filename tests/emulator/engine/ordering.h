// What happened before what, among the threads of one block: the clockwork of the race detector.
//
// Time is one counter for the launch; it advances at every synchronisation, and an access is stamped with thread and
// time. An earlier access is ordered before the present one of another thread if a barrier that both passed, or a chain
// of barriers and hand-overs, lies between. Barriers of the whole block cost O(1); those of fewer threads keep a vector
// clock per thread, allocated at the first one.
//
// Agents act beside the threads: the copies that complete on a barrier, a warpgroup's tensor cores. Their accesses are
// stamped like a thread's, under ids that follow the threads'; a thread is ordered after them once it has waited for
// them, or synchronised with one that has.
// Fences divide a thread's accesses into those before and those after. An observer knows of a fence when it is ordered
// after it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace swiglu::emulator {

class Ordering {
 public:
  using Time = std::uint32_t;
  using Clock = std::vector<Time>;  // a hand-over: per thread and agent, up to when its accesses are included

  // All that happened before is ordered before everything in the new block. Forgets the agents.
  void begin_block(int threads);

  Time now() const { return now_; }
  Time block_start() const { return block_start_; }

  bool ordered(int earlier, Time time, int thread) const {
    return earlier == thread || time <= (is_agent(earlier) ? agent_floors_[agent_index(earlier)] : floor_) ||
           (!seen_.empty() && time <= seen_[row(thread) + column(earlier)]);
  }

  void meet_all();
  void meet(std::span<const int> threads);

  // release: adds what `thread` did and saw to the hand-over. acquire: `thread` sees it. advance after releases.
  void release(Clock& clock, int thread);
  void acquire(const Clock& clock, int thread);
  void advance() { ++now_; }

  // The same for the accesses of an agent up to `time`.
  int add_agent(const std::string& name);
  bool is_agent(int id) const { return id >= threads_; }
  const std::string& agent_name(int id) const { return agent_names_[agent_index(id)]; }
  void release_agent(Clock& clock, int agent, Time time) const;
  void acquire_agent(int agent, Time time, int thread);

  void fence(int thread);
  std::uint32_t fences(int thread) const { return fences_[static_cast<std::size_t>(thread)]; }
  // Whether `thread` is ordered after a fence that `earlier` executed after its first `fences` ones.
  bool fenced(int earlier, std::uint32_t fences, int thread) const {
    const auto index = static_cast<std::size_t>(earlier);
    return (earlier == thread ? fences_[index] : fence_floors_[index]) > fences ||
           (!seen_.empty() && seen_[row(thread) + fence_column(earlier)] > fences);
  }

 private:
  static constexpr std::size_t kAgents = 128;

  // A clock's columns: time by thread, time by agent, fences by thread.
  std::size_t columns() const { return 2 * static_cast<std::size_t>(threads_) + kAgents; }
  std::size_t row(int thread) const { return static_cast<std::size_t>(thread) * columns(); }
  static std::size_t column(int id) { return static_cast<std::size_t>(id); }
  std::size_t fence_column(int thread) const {
    return static_cast<std::size_t>(threads_) + kAgents + static_cast<std::size_t>(thread);
  }
  std::size_t agent_index(int agent) const { return static_cast<std::size_t>(agent - threads_); }
  void keep_clocks();

  int threads_ = 0;
  Time now_ = 1;
  Time block_start_ = 1;
  Time floor_ = 0;                  // threads' accesses up to here are ordered before everything
  std::vector<Time> agent_floors_;  // the same by agent
  std::vector<std::uint32_t> fences_;
  std::vector<std::uint32_t> fence_floors_;  // fences that all threads are ordered after
  std::vector<std::string> agent_names_;
  Clock seen_;  // [observer][column], empty until a barrier of fewer threads than all
  Clock scratch_;
};

}  // namespace swiglu::emulator
