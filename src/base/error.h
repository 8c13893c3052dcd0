// The one exception of the library. Thrown anywhere inside, caught once in api.cpp, which keeps its message as the
// thread's last error. Expected absences are std::optional, not errors.
#pragma once

#include <swiglu/swiglu.h>

#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/core.h>

namespace swiglu {

class Error : public std::runtime_error {
 public:
  Error(swiglu_status status, const std::string& message) : std::runtime_error(message), status_(status) {}
  swiglu_status status() const noexcept { return status_; }

 private:
  swiglu_status status_;
};

// Throws Error with a formatted message: what was asked, what was found, what to do.
template <typename... Args>
[[noreturn]] void fail(swiglu_status status, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(status, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace swiglu
