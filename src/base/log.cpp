// One sink that writes to stderr or calls back. Its lock is held during the callback, so that lines arrive in order;
// hence the rule that a callback must not call the library.
#define FMT_HEADER_ONLY  // as spdlog needs more of fmt than base/fmt.cpp makes available
#include "base/log.h"

#include <array>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include "base/settings.h"

namespace swiglu {
namespace {

struct Level {
  swiglu_log_level level;
  spdlog::level::level_enum spdlog_level;
  const char* name;
};

constexpr std::array kLevels = {
    Level{SWIGLU_LOG_DEBUG, spdlog::level::debug, "debug"}, Level{SWIGLU_LOG_INFO, spdlog::level::info, "info"},
    Level{SWIGLU_LOG_WARNING, spdlog::level::warn, "warning"}, Level{SWIGLU_LOG_ERROR, spdlog::level::err, "error"},
    Level{SWIGLU_LOG_OFF, spdlog::level::off, "off"}};

const Level& level_of(swiglu_log_level level) {
  for (const Level& row : kLevels) {
    if (row.level == level) {
      return row;
    }
  }
  return kLevels[2];
}

const Level& level_of(spdlog::level::level_enum level) {
  for (const Level& row : kLevels) {
    if (level <= row.spdlog_level) {  // trace is told as debug
      return row;
    }
  }
  return kLevels[3];  // critical is told as error
}

class Sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void redirect(swiglu_log_callback callback, void* user) {
    const std::lock_guard lock(mutex_);
    callback_ = callback;
    user_ = user;
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const Level& level = level_of(message.level);
    const std::string_view text(message.payload.data(), message.payload.size());
    if (callback_ != nullptr) {
      callback_(user_, level.level, std::string(text).c_str());
      return;
    }
    const std::string line = fmt::format("swiglu: {}: {}\n", level.name, text);
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  void flush_() override {}

 private:
  swiglu_log_callback callback_ = nullptr;
  void* user_ = nullptr;
};

// Never destroyed: other objects may log while the process ends.
struct Log {
  std::shared_ptr<Sink> sink = std::make_shared<Sink>();
  spdlog::logger logger{"swiglu", sink};

  Log() { logger.set_level(level_of(settings().log_level.value_or(SWIGLU_LOG_WARNING)).spdlog_level); }
};

Log& instance() {
  static Log& log = *new Log;
  return log;
}

}  // namespace

void Logger::write_line(swiglu_log_level level, fmt::string_view format, fmt::format_args args) {
  spdlog::logger& logger = instance().logger;
  const auto spdlog_level = level_of(level).spdlog_level;
  if (logger.should_log(spdlog_level)) {
    logger.log(spdlog_level, fmt::vformat(format, args));
  }
}

Logger& log() {
  static Logger logger;
  return logger;
}

void tell_settings_warnings() {
  static std::once_flag once;
  std::call_once(once, [] {
    for (const std::string& warning : settings().warnings) {
      log().warn("{}", warning);
    }
  });
}

void set_log_callback(swiglu_log_callback callback, void* user, swiglu_log_level level) {
  Log& log = instance();
  log.sink->redirect(callback, user);
  log.logger.set_level(level_of(level).spdlog_level);
}

std::optional<swiglu_log_level> parse_log_level(std::string_view text) {
  for (const Level& row : kLevels) {
    if (text == row.name) {
      return row.level;
    }
  }
  return std::nullopt;
}

}  // namespace swiglu
