// The library's own spdlog logger ("swiglu": stderr, or the user's callback). Never the default logger. Thread-safe,
// and usable until the process ends: it is never destroyed. spdlog itself stays inside log.cpp, as it takes long to
// compile.
//
// Level at the start: SWIGLU_LOG, else warning.
#pragma once

#include <swiglu/swiglu.h>

#include <optional>
#include <string_view>

#include <fmt/core.h>

namespace swiglu {

// Arguments are formatted only if the line is wanted.
class Logger {
 public:
  template <typename... Args>
  void write(swiglu_log_level level, fmt::format_string<Args...> format, Args&&... args) {
    write_line(level, format, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) {
    write_line(SWIGLU_LOG_DEBUG, format, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) {
    write_line(SWIGLU_LOG_WARNING, format, fmt::make_format_args(args...));
  }

 private:
  static void write_line(swiglu_log_level level, fmt::string_view format, fmt::format_args args);
};

Logger& log();

// What is wrong in the environment (Settings::warnings), once. For entries of the library that may be the first to
// read it.
void tell_settings_warnings();

// Lines of `level` and above go to the callback, one at a time; null callback: to stderr again.
void set_log_callback(swiglu_log_callback callback, void* user, swiglu_log_level level);

// "debug", "info", "warning", "error" or "off".
std::optional<swiglu_log_level> parse_log_level(std::string_view text);

}  // namespace swiglu
