// Executing a prepared m makes no system call of the library's own: a seccomp filter traps all that the thread makes
// meanwhile, and a handler counts them. The stand-in driver makes none once its memory is there.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <iterator>
#include <thread>

#include "api/backward_buffers.h"

// Sanitizers make system calls of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace swiglu_test {
namespace {

std::atomic<int> trapped{0};
std::atomic<int> last_number{-1};

void count(int, siginfo_t* info, void*) {
  ++trapped;
  last_number = info->si_syscall;
}

// From here on every system call of this thread is trapped, but for those that end the thread or a signal handler.
bool trap_system_calls() {
  constexpr std::array kAllowed = {SYS_exit, SYS_rt_sigreturn, SYS_madvise, SYS_munmap, SYS_rt_sigprocmask};
  std::array<sock_filter, 2 * kAllowed.size() + 2> program{};
  std::size_t length = 0;
  program[length++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  for (const auto number : kAllowed) {
    program[length++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1);
    program[length++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  program[length++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
  const sock_fprog filter{static_cast<unsigned short>(length), program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

struct Seen {
  bool filtered = false;  // false: this kernel has no seccomp filters
  int failures = 0;
  int calls = 0;
  int control = 0;  // of one made on purpose
};

// Of a hundred executions after the first, on a thread of their own.
template <typename Execute>
Seen system_calls(int device, Execute execute) {
  struct sigaction action {};
  struct sigaction previous {};
  action.sa_sigaction = count;
  action.sa_flags = SA_SIGINFO;
  REQUIRE(sigaction(SIGSYS, &action, &previous) == 0);
  Seen seen;
  std::thread([&] {
    stand_in_set_current_context(stand_in_primary_context(device));
    seen.failures += execute() == SWIGLU_OK ? 0 : 1;
    seen.filtered = trap_system_calls();
    if (seen.filtered) {
      const int before = trapped;
      for (int i = 0; i < 100; ++i) {
        seen.failures += execute() == SWIGLU_OK ? 0 : 1;
      }
      seen.calls = trapped - before;
      getppid();
      seen.control = trapped - before - seen.calls;
    }
  }).join();
  sigaction(SIGSYS, &previous, nullptr);
  return seen;
}

TEST_CASE_FIXTURE(Backward, "executing a prepared m makes no system call, forward or backward") {
  constexpr int kMuch = 16 << 20;  // so that what the stand-in allocates finds its memory there
  mallopt(M_TOP_PAD, kMuch);
  mallopt(M_MMAP_THRESHOLD, kMuch);
  desc.passes |= SWIGLU_PASS_FORWARD;
  for (const int device : {0, 2}) {
    desc.device = device;
    const PlanPointer plan = make_plan(desc);
    REQUIRE(swiglu_plan_prepare(plan.get(), 16) == SWIGLU_OK);
    void* const stream = stream_of(device);
    const swiglu_forward_args forward = buffers.args(16);
    const swiglu_backward_args stored = args(plan, 16);
    const swiglu_backward_args recomputed = args(plan, 16, true);
    const auto check_none = [&](const Seen& seen) {
      CHECK(seen.failures == 0);
      if (seen.filtered) {
        CHECK(seen.control == 1);
        CHECK_MESSAGE(seen.calls == 0, "the last one was number ", last_number.load());
      } else {
        MESSAGE("skipped: this kernel has no seccomp filters");
      }
    };
    check_none(system_calls(device, [&] { return swiglu_execute(plan.get(), &forward, stream); }));
    check_none(system_calls(device, [&] { return swiglu_execute_backward(plan.get(), &stored, stream); }));
    check_none(system_calls(device, [&] { return swiglu_execute_backward(plan.get(), &recomputed, stream); }));
  }
}

}  // namespace
}  // namespace swiglu_test

#endif
