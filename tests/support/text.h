// printf into a string, for messages of failing comparisons; cut at 511 characters.
#pragma once

#include <cstdio>
#include <string>

namespace swiglu_test {

template <typename... Args>
std::string text(const char* format, Args... args) {
  char buffer[512];
  std::snprintf(buffer, sizeof buffer, format, args...);
  return buffer;
}

}  // namespace swiglu_test
