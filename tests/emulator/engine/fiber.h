// A fiber: a stack of its own, and a switch between stacks that costs a few nanoseconds. Cooperative, one host thread.
//
// A fiber that is never resumed is simply dropped: kernels own nothing that must be released. AddressSanitizer is told
// of every switch. Stacks are reused; below each lies a page that may not be touched.
#pragma once

#include <cstddef>
#include <span>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace swiglu::emulator {

class Fiber {
 public:
  using Entry = void (*)();

  // For the calling thread itself, before the first switch away from it.
  void adopt_thread();

  // `entry` first calls begin(), and ends by switching away for good.
  void prepare(std::span<std::byte> stack, Entry entry);
  static void begin();

  // Saves the running context in `from`, continues `to`, and returns when somebody switches back to `from`.
  static void switch_between(Fiber& from, Fiber& to);

 private:
#if defined(__x86_64__)
  void* stack_pointer_ = nullptr;
#else
  ucontext_t context_{};
#endif
  const void* stack_bottom_ = nullptr;
  std::size_t stack_bytes_ = 0;
};

// Stacks for `count` fibers with a guard page below each.
class FiberStacks {
 public:
  FiberStacks(std::size_t count, std::size_t bytes_each);
  ~FiberStacks();
  FiberStacks(const FiberStacks&) = delete;
  FiberStacks& operator=(const FiberStacks&) = delete;

  std::span<std::byte> operator[](std::size_t index) const;

 private:
  std::byte* base_;
  std::size_t count_;
  std::size_t stride_;
};

}  // namespace swiglu::emulator
