// A matrix in host memory; where there is too little of it, a failure that says how much was wanted of which operand.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <vector>

#include "tools/library.h"

namespace swiglu::tool {

// What the machine has, in bytes. A system that lends more than it has would end the program when it is written to.
inline std::uint64_t host_memory() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

template <typename Value>
std::vector<Value> host_matrix(const std::string& name, std::int64_t rows, std::int64_t columns, Value value = {}) {
  const std::size_t elements = static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
  try {
    if (elements <= host_memory() / sizeof(Value)) {
      return std::vector<Value>(elements, value);
    }
  } catch (const std::bad_alloc&) {  // a limit below that
  }
  throw Failure(name + " [" + std::to_string(rows) + ", " + std::to_string(columns) + "] takes " +
                std::to_string(elements) + " elements of " + std::to_string(sizeof(Value)) +
                " bytes, which do not fit the host's memory of " + std::to_string(host_memory()) +
                " bytes; --m, --d-model and --d-intermediate make it smaller");
}

}  // namespace swiglu::tool
