// Structs of the public API carry their size, so that fields can be added at the end. This reads what a caller compiled
// against an older or a newer header passes. No state.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/error.h"

namespace swiglu {

// A copy of *given as this library knows the struct; what an older caller's is too short for is zero, hence default.
// `first_size` is the struct's size in the first version. Throws Error{INVALID_ARGUMENT}: null, smaller than that, or
// larger than ours with anything but zeros in the fields unknown to us.
template <typename Struct>
Struct read_versioned(const Struct* given, std::size_t first_size, const char* name) {
  constexpr std::size_t kSane = 4096;  // a size beyond this is an uninitialised field, not a later version
  if (given == nullptr) {
    fail(SWIGLU_INVALID_ARGUMENT, "{} is NULL", name);
  }
  std::size_t size = 0;
  std::memcpy(&size, given, sizeof size);
  if (size < first_size || size > kSane) {
    fail(SWIGLU_INVALID_ARGUMENT, "{}.struct_size is {}: set it to sizeof({}), which is {} in this library", name, size,
         name, sizeof(Struct));
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t i = sizeof(Struct); i < size; ++i) {
    if (bytes[i] != 0) {
      fail(SWIGLU_INVALID_ARGUMENT,
           "{}.struct_size is {}, and a field that this library does not know (at byte {}) is not zero: it came with a "
           "version later than {}.{}.{}",
           name, size, i, SWIGLU_VERSION_MAJOR, SWIGLU_VERSION_MINOR, SWIGLU_VERSION_PATCH);
    }
  }
  Struct read{};
  std::memcpy(&read, given, std::min(size, sizeof(Struct)));
  return read;
}

}  // namespace swiglu
