// One block of threads, each a fiber, run cooperatively on the calling host thread; and the rendezvous they meet in.
//
// Threads run until they block. Whoever blocks passes on to the next ready thread; when none is ready and some have not
// returned, that is a deadlock and is reported with who stands where. A fatal finding drops all fibers and ends the
// launch. The engine knows barriers, warp rendezvous and waiting on conditions; what is computed there belongs to
// operations/.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "engine/async_registers.h"
#include "engine/bank_log.h"
#include "engine/bulk_stores.h"
#include "engine/copy_groups.h"
#include "engine/fiber.h"
#include "engine/global_memory.h"
#include "engine/mbarriers.h"
#include "engine/ordering.h"
#include "engine/register_pool.h"
#include "engine/report.h"
#include "engine/shared_memory.h"

namespace swiglu::emulator {

struct Index3 {
  unsigned x = 0;
  unsigned y = 0;
  unsigned z = 0;
};

// The built-in variables of CUDA for the thread that runs now.
struct BuiltIns {
  Index3 thread_index;
  Index3 block_index;
  Index3 block_shape;
  Index3 grid_shape;
};
extern BuiltIns built_ins;

struct LaunchShape {
  Index3 grid;
  Index3 block;
  std::size_t shared_bytes = 0;
  bool reverse = false;  // blocks come, and threads take turns, from the last to the first
  // Not 0: instead of in turns, warps run by priorities that are drawn by this seed and redrawn now and then, so that
  // some run far ahead and others lag behind.
  std::uint32_t seed = 0;
  // Reads of shared memory that nobody wrote are no finding: for kernels that fetch ahead what they never use. They get
  // poison, NaN in every type, which gives itself away where it is used after all.
  bool allow_uninitialised = false;
  bool log_banks = true;  // count the bank conflicts of copies, loads and stores; costs time where there are many
  int registers = 0;      // a thread's at the start; 0: as many as the multiprocessor has for so many threads
};

class Block;

// The operands of a collective, one pointer a lane; null for lanes outside the mask.
using LaneOperands = std::array<void*, 32>;

// A collective operation of a warp; identity is the address. `compute` runs once, when all lanes of the mask are there.
struct WarpOperation {
  const char* name;
  void (*compute)(Block& block, int warp, const LaneOperands& operands, const Location& where);
  bool orders_memory;  // whether accesses before are visible to the lanes after
};

// The same for the 128 threads of a warpgroup, all of which take part.
using WarpgroupOperands = std::array<void*, AsyncRegisters::kThreads>;
struct WarpgroupOperation {
  const char* name;
  void (*compute)(Block& block, int warpgroup, const WarpgroupOperands& operands, const Location& where);
};

class Block {
 public:
  static constexpr int kWarpSize = 32;
  static constexpr int kWarpgroupSize = AsyncRegisters::kThreads;
  static constexpr unsigned kFullMask = 0xffffffffu;

  Block(const LaunchShape& shape, GlobalMemory& global, Report& report);

  // false: a fatal finding ended it.
  bool run(const Index3& block_index, const std::function<void()>& kernel);

  int thread() const { return running_; }
  int threads() const { return static_cast<int>(threads_.size()); }
  const std::string& name() const { return name_; }

  // Barriers by number; `count` threads, 0 for all of the block. arrive does not wait.
  void barrier_sync(int barrier, int count, const char* operation, const Location& where);
  void barrier_arrive(int barrier, int count, const char* operation, const Location& where);

  void meet_warp(const WarpOperation& operation, unsigned mask, void* operands, const Location& where);
  void meet_warpgroup(const WarpgroupOperation& operation, void* operands, const Location& where);

  // Lets others run until `ready` holds. For objects in shared memory that threads wait on.
  void wait_until(const std::function<bool()>& ready, const char* operation, const Location& where);

  // Global memory is touched by the running thread; and: it has waited for the kernels before this one. Once a thread
  // does the latter, none may do the former without being ordered after it.
  void note_global_access(const Site& site);
  void await_earlier_kernels();

  // Ends the launch, by the running thread, whose stack is unwound; the first form records why.
  [[noreturn]] void stop(Fault fault, const std::string& key, const std::string& text);
  [[noreturn]] void stop();
  // The same from where nothing can be thrown through: the stack is dropped as it is, so the caller holds no resource.
  [[noreturn]] void abandon();

  SharedMemory& shared() { return shared_; }
  GlobalMemory& global() { return global_; }
  Ordering& ordering() { return ordering_; }
  Report& report() { return report_; }
  BankLog& banks() { return banks_; }
  CopyGroups& copies() { return copies_[static_cast<std::size_t>(running_)]; }
  BulkStores& bulk_stores() { return bulk_stores_[static_cast<std::size_t>(running_)]; }
  Mbarriers& mbarriers() { return mbarriers_; }
  // What is known to who looks at a counter (operations/progress.h), by its address.
  std::map<const unsigned*, Ordering::Clock>& told() { return told_; }
  AsyncRegisters& async_registers(int warpgroup) { return async_registers_[static_cast<std::size_t>(warpgroup)]; }
  RegisterPool& register_pool() { return register_pool_; }
  // Warpgroups, the last of which may lack warps.
  int warpgroups() const { return static_cast<int>(async_registers_.size()); }

  // The block that runs now; null outside a launch.
  static Block* current();

 private:
  enum class State : std::uint8_t { ready, waiting, returned };
  struct Stopped {};  // thrown by stop(), caught at the foot of the fiber
  struct Thread {
    Fiber fiber;
    Index3 index;
    State state = State::ready;
    const char* operation = "";
    Location where{"", 0};
  };
  struct Meeting {
    const WarpOperation* operation;
    Location where;
    unsigned mask;
    unsigned arrived;
    LaneOperands operands;
  };
  struct WarpgroupMeeting {
    const WarpgroupOperation* operation = nullptr;
    Location where{"", 0};
    std::vector<int> arrived;
    WarpgroupOperands operands{};
  };
  struct Barrier {
    int count = 0;
    std::vector<int> waiting;
    std::vector<int> arrived;  // all, those that do not wait included
    const char* operation = "";
    Location where{"", 0};
  };

  static void thread_main();
  void park(const char* operation, const Location& where);
  void run_next();
  int take_ready();
  void make_ready(int thread);
  void poll_conditions();
  Barrier& arrive(int barrier, int count, const char* operation, const Location& where);
  void complete(Barrier& barrier);
  Meeting& join(std::vector<Meeting>& meetings, const WarpOperation& operation, unsigned mask, const Location& where);
  std::string standing() const;
  void begin_block(const Index3& block_index);
  void check_return();
  void check_end();

  static constexpr int kBarriers = 16;
  static constexpr int kNobody = -1;

  LaunchShape shape_;
  GlobalMemory& global_;
  Report& report_;
  Ordering ordering_;
  SharedMemory shared_;
  BankLog banks_;
  FiberStacks stacks_;
  std::vector<Thread> threads_;
  std::vector<CopyGroups> copies_;
  std::vector<BulkStores> bulk_stores_;
  std::vector<std::vector<Meeting>> meetings_;  // by warp
  std::vector<WarpgroupMeeting> warpgroup_meetings_;
  std::vector<AsyncRegisters> async_registers_;  // by warpgroup
  Mbarriers mbarriers_;
  std::map<const unsigned*, Ordering::Clock> told_;
  RegisterPool register_pool_;
  int earlier_kernels_ = kNobody;                     // the agent that those are, once a thread waits for them
  std::vector<std::optional<Site>> global_accesses_;  // by thread: the first that was not ordered after such a wait
  std::array<Barrier, kBarriers> barriers_;
  struct Condition {
    int thread;
    const std::function<bool()>* ready;
  };
  std::vector<Condition> conditions_;
  std::deque<int> ready_;
  std::minstd_rand random_;
  std::vector<std::uint32_t> priorities_;  // by warp, if there is a seed
  Fiber host_;
  const std::function<void()>* kernel_ = nullptr;
  std::string name_;
  int running_ = kNobody;
  int returned_ = 0;
  bool stopped_ = false;
};

}  // namespace swiglu::emulator
