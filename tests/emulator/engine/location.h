// Where in the source an operation was called: the default argument of every emulated operation, so that findings name
// the kernel's line. (std::source_location is not in clang 14.)
#pragma once

namespace swiglu::emulator {

struct Location {
  const char* file;
  unsigned line;

  static constexpr Location current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {file, line};
  }
};

bool same_place(const Location& a, const Location& b);

}  // namespace swiglu::emulator
