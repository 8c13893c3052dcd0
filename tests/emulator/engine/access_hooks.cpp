// Plain loads and stores of the kernels, as seen by the emulator.
//
// The kernels are compiled with -fsanitize=thread and linked without its runtime: the compiler then calls these
// functions before every access that is not a register, and they pass those to shared and global memory on for the
// checks. Of the kernels' stacks only the variables matter that asynchronous instructions write.
#include <cstddef>

#include "engine/block.h"

namespace swiglu::emulator {
namespace {

bool shared_access(Block& block, const void* pointer, std::size_t bytes, bool is_write, const void* instruction) {
  SharedMemory& shared = block.shared();
  const auto site = shared.site({is_write ? "plain store" : "plain load", {"", 0}, instruction});
  const unsigned address = shared.address(pointer);
  Counters& counters = block.report().counters;
  block.banks().add(block.thread(), site, address, bytes,
                    is_write ? counters.shared_store_banks : counters.shared_load_banks);
  return is_write ? shared.write(block.thread(), address, bytes, site)
                  : shared.read(block.thread(), address, bytes, site);
}

bool global_access(Block& block, const void* pointer, std::size_t bytes, bool is_write, const void* instruction) {
  GlobalMemory& global = block.global();
  block.note_global_access({is_write ? "plain store" : "plain load", {"", 0}, instruction});
  const std::string error = is_write ? global.write_error(pointer, bytes) : global.read_error(pointer, bytes);
  if (!error.empty()) {
    block.report().add(Fault::bounds, error,
                       block.name() + ": " + thread_text(block.thread()) +
                           (is_write ? ": plain store at " : ": plain load at ") + instruction_text(instruction) +
                           ": " + error);
  }
  return error.empty();
}

// Variables in memory stand for registers, of which accumulators may be in flight.
void register_access(Block& block, const void* pointer, std::size_t bytes, bool is_write, const void* instruction) {
  AsyncRegisters& registers = block.async_registers(block.thread() / Block::kWarpgroupSize);
  if (!registers.touch(block.thread() % Block::kWarpgroupSize, pointer, bytes)) {
    const std::string place = instruction_text(instruction);
    block.report().add(Fault::in_flight, place,
                       block.name() + ": " + thread_text(block.thread()) + (is_write ? " writes" : " reads") +
                           " an accumulator in flight, before wgmma_wait(): at " + place);
  }
}

// The compiler takes these calls for ones that cannot throw, hence abandon() and no resource held here.
void plain_access(const void* pointer, std::size_t bytes, bool is_write, const void* instruction) {
  Block* block = Block::current();
  if (block == nullptr) {
    return;
  }
  bool allowed = true;
  if (block->shared().owns(pointer)) {
    allowed = shared_access(*block, pointer, bytes, is_write, instruction);
  } else if (block->global().owns(pointer)) {
    allowed = global_access(*block, pointer, bytes, is_write, instruction);
  } else {
    register_access(*block, pointer, bytes, is_write, instruction);
  }
  if (!allowed) {
    block->abandon();
  }
}

}  // namespace
}  // namespace swiglu::emulator

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): names are the compiler's.
#define SWIGLU_ACCESS_HOOKS(bytes)                                                                                   \
  void __tsan_read##bytes(void* p) { swiglu::emulator::plain_access(p, bytes, false, __builtin_return_address(0)); } \
  void __tsan_write##bytes(void* p) { swiglu::emulator::plain_access(p, bytes, true, __builtin_return_address(0)); } \
  void __tsan_unaligned_read##bytes(void* p) {                                                                       \
    swiglu::emulator::plain_access(p, bytes, false, __builtin_return_address(0));                                    \
  }                                                                                                                  \
  void __tsan_unaligned_write##bytes(void* p) {                                                                      \
    swiglu::emulator::plain_access(p, bytes, true, __builtin_return_address(0));                                     \
  }                                                                                                                  \
  void __tsan_volatile_read##bytes(void* p) {                                                                        \
    swiglu::emulator::plain_access(p, bytes, false, __builtin_return_address(0));                                    \
  }                                                                                                                  \
  void __tsan_volatile_write##bytes(void* p) {                                                                       \
    swiglu::emulator::plain_access(p, bytes, true, __builtin_return_address(0));                                     \
  }

extern "C" {
SWIGLU_ACCESS_HOOKS(1)
SWIGLU_ACCESS_HOOKS(2)
SWIGLU_ACCESS_HOOKS(4)
SWIGLU_ACCESS_HOOKS(8)
SWIGLU_ACCESS_HOOKS(16)
void __tsan_read_range(void* p, std::size_t bytes) {
  swiglu::emulator::plain_access(p, bytes, false, __builtin_return_address(0));
}
void __tsan_write_range(void* p, std::size_t bytes) {
  swiglu::emulator::plain_access(p, bytes, true, __builtin_return_address(0));
}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void*, void*) {}
void __tsan_vptr_read(void*) {}
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
