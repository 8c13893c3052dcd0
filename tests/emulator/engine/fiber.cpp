#include "engine/fiber.h"

#include <pthread.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define SWIGLU_EMULATOR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SWIGLU_EMULATOR_ASAN 1
#endif
#endif
#if defined(SWIGLU_EMULATOR_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(__x86_64__)
// Saves the callee-saved registers of the System V ABI on the running stack and takes over the other one. The floating
// point control words are the same in all fibers.
asm(R"(
.text
.type swiglu_emulator_switch_stack, @function
swiglu_emulator_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size swiglu_emulator_switch_stack, . - swiglu_emulator_switch_stack
)");
extern "C" void swiglu_emulator_switch_stack(void** save_stack_pointer, void* load_stack_pointer);
#endif

namespace swiglu::emulator {
namespace {

constexpr std::size_t kPage = 4096;

}  // namespace

void Fiber::adopt_thread() {
#if defined(SWIGLU_EMULATOR_ASAN)
  pthread_attr_t attributes;
  void* bottom = nullptr;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &bottom, &stack_bytes_);
  pthread_attr_destroy(&attributes);
  stack_bottom_ = bottom;
#endif
}

void Fiber::begin() {
#if defined(SWIGLU_EMULATOR_ASAN)
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

void Fiber::prepare(std::span<std::byte> stack, Entry entry) {
  stack_bottom_ = stack.data();
  stack_bytes_ = stack.size();
#if defined(SWIGLU_EMULATOR_ASAN)
  ASAN_UNPOISON_MEMORY_REGION(stack.data(), stack.size());
#endif
#if defined(__x86_64__)
  // From the top: a null return address that ends backtraces, `entry` as the return address of the switch (the ABI
  // wants the stack 16-byte aligned just above it), six registers.
  constexpr std::size_t kRegisters = 6;
  const auto top = (reinterpret_cast<std::uintptr_t>(stack.data()) + stack.size()) & ~std::uintptr_t{15};
  void** frame = reinterpret_cast<void**>(top) - 2;
  frame[1] = nullptr;
  frame[0] = reinterpret_cast<void*>(entry);
  frame -= kRegisters;
  std::memset(static_cast<void*>(frame), 0, kRegisters * sizeof(void*));
  stack_pointer_ = frame;
#else
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack.data();
  context_.uc_stack.ss_size = stack.size();
  context_.uc_link = nullptr;
  makecontext(&context_, entry, 0);
#endif
}

void Fiber::switch_between(Fiber& from, Fiber& to) {
#if defined(SWIGLU_EMULATOR_ASAN)
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, to.stack_bottom_, to.stack_bytes_);
#endif
#if defined(__x86_64__)
  swiglu_emulator_switch_stack(&from.stack_pointer_, to.stack_pointer_);
#else
  swapcontext(&from.context_, &to.context_);
#endif
#if defined(SWIGLU_EMULATOR_ASAN)
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

FiberStacks::FiberStacks(std::size_t count, std::size_t bytes_each)
    : base_(nullptr), count_(count), stride_((bytes_each + kPage - 1) / kPage * kPage + kPage) {
  void* memory =
      mmap(nullptr, count_ * stride_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::bad_alloc();
  }
  base_ = static_cast<std::byte*>(memory);
  for (std::size_t i = 0; i < count_; ++i) {
    mprotect(base_ + i * stride_, kPage, PROT_NONE);
  }
}

FiberStacks::~FiberStacks() {
#if defined(SWIGLU_EMULATOR_ASAN)
  ASAN_UNPOISON_MEMORY_REGION(base_, count_ * stride_);  // whoever gets these addresses next
#endif
  munmap(base_, count_ * stride_);
}

std::span<std::byte> FiberStacks::operator[](std::size_t index) const {
  return {base_ + index * stride_ + kPage, stride_ - kPage};
}

}  // namespace swiglu::emulator
