#include "support/memory.h"

#include <swiglu/swiglu.h>

#include <cstring>
#include <new>

namespace swiglu_test {
namespace {
constexpr std::align_val_t kAlignment{256};
}

std::int32_t HostMemory::device() const { return SWIGLU_DEVICE_CPU; }

void* HostMemory::allocate(std::size_t bytes) { return ::operator new(bytes, kAlignment); }

void HostMemory::release(void* pointer) { ::operator delete(pointer, kAlignment); }

void HostMemory::upload(void* to, const void* from_host, std::size_t bytes) { std::memcpy(to, from_host, bytes); }

void HostMemory::download(void* to_host, const void* from, std::size_t bytes) { std::memcpy(to_host, from, bytes); }

}  // namespace swiglu_test
