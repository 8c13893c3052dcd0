// What cuGetProcAddress finds, a table beside the functions of each kind.
#pragma once

#include <span>
#include <string_view>

namespace stand_in {

struct Entry {
  std::string_view name;
  int since;  // the lowest version that may be asked for, as in cudaTypedefs.h
  void* function;
};

template <typename F>
void* pointer(F* function) {
  return reinterpret_cast<void*>(function);
}

std::span<const Entry> devices_entries();
std::span<const Entry> kernels_entries();
std::span<const Entry> streams_entries();
std::span<const Entry> device_memory_entries();

}  // namespace stand_in
