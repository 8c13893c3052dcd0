#include "engine/launch.h"

#include <fmt/core.h>
#include <signal.h>

#include <cstdint>
#include <vector>

namespace swiglu::emulator {
namespace {

constexpr std::size_t kSignalStackBytes = std::size_t{64} << 10;

// Leaves the handler by switching fibers. Nothing of the handler's frame is needed again, and SA_NODEFER keeps the
// signal unblocked.
void on_crash(int, siginfo_t* info, void*) {
  Block* block = Block::current();
  if (block == nullptr) {
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    return;
  }
  block->report().add(Fault::crash, "crash",
                      fmt::format("{}: {} touches {}", block->name(), thread_text(block->thread()),
                                  block->global().describe(info->si_addr)));
  block->abandon();
}

// Wild pointers of a kernel become findings while this lives.
class CrashGuard {
 public:
  CrashGuard() : stack_(kSignalStackBytes) {
    stack_t signal_stack{};
    signal_stack.ss_sp = stack_.data();
    signal_stack.ss_size = stack_.size();
    sigaltstack(&signal_stack, &old_stack_);
    struct sigaction action {};
    action.sa_sigaction = on_crash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigaction(SIGSEGV, &action, &old_segv_);
    sigaction(SIGBUS, &action, &old_bus_);
  }
  ~CrashGuard() {
    sigaction(SIGSEGV, &old_segv_, nullptr);
    sigaction(SIGBUS, &old_bus_, nullptr);
    sigaltstack(&old_stack_, nullptr);
  }
  CrashGuard(const CrashGuard&) = delete;
  CrashGuard& operator=(const CrashGuard&) = delete;

 private:
  std::vector<std::byte> stack_;
  stack_t old_stack_{};
  struct sigaction old_segv_ {};
  struct sigaction old_bus_ {};
};

}  // namespace

Report launch(const LaunchShape& shape, GlobalMemory& global, const std::function<void()>& kernel) {
  Report report;
  const CrashGuard guard;
  Block block(shape, global, report);
  global.begin_launch();
  for (unsigned z = 0; z < shape.grid.z; ++z) {
    for (unsigned y = 0; y < shape.grid.y; ++y) {
      for (unsigned i = 0; i < shape.grid.x; ++i) {
        if (!block.run({shape.reverse ? shape.grid.x - 1 - i : i, y, z}, kernel)) {
          return report;
        }
      }
    }
  }
  global.check_outputs(report);
  return report;
}

}  // namespace swiglu::emulator
