// One reader class with a method per kind of value; read_settings() is the list of variables.
#include "base/settings.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/core.h>

#include "base/log.h"
#include "base/spelling.h"

namespace swiglu {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kDefaultCacheBytes = std::uint64_t{1} << 30;
constexpr double kDefaultTuningSeconds = 3;

class Environment {
 public:
  Environment(const char* (*lookup)(const char*), std::vector<std::string>& warnings)
      : lookup_(lookup), warnings_(warnings) {}

  std::optional<std::string> text(const char* name) const {
    const char* value = lookup_(name);
    return value != nullptr && *value != '\0' ? std::optional<std::string>(value) : std::nullopt;
  }

  std::optional<fs::path> directory(const char* name) const {
    const auto value = text(name);
    if (value && !fs::path(*value).is_absolute()) {
      warn(name, *value, "an absolute path");
      return std::nullopt;
    }
    return value ? std::optional<fs::path>(*value) : std::nullopt;
  }

  std::vector<fs::path> directories(const char* name) const {
    std::vector<fs::path> result;
    const std::string list = text(name).value_or("");
    for (std::size_t begin = 0; begin < list.size();) {
      const std::size_t end = std::min(list.find(':', begin), list.size());
      const std::string item = list.substr(begin, end - begin);
      if (fs::path(item).is_absolute()) {
        result.emplace_back(item);
      } else if (!item.empty()) {
        warn(name, item, "absolute paths separated by ':'");
      }
      begin = end + 1;
    }
    return result;
  }

  // What dlopen() takes without looking into the current directory.
  std::optional<fs::path> library(const char* name) const {
    const auto value = text(name);
    if (value && value->find('/') != std::string::npos && !fs::path(*value).is_absolute()) {
      warn(name, *value, "an absolute path or a file name without '/'");
      return std::nullopt;
    }
    return value ? std::optional<fs::path>(*value) : std::nullopt;
  }

  bool flag(const char* name) const {
    const auto value = text(name);
    if (!value || *value == "0" || *value == "off" || *value == "false" || *value == "no") {
      return false;
    }
    if (*value == "1" || *value == "on" || *value == "true" || *value == "yes") {
      return true;
    }
    warn(name, *value, "0 or 1");
    return false;
  }

  std::uint64_t bytes(const char* name, std::uint64_t fallback) const {
    const auto value = text(name);
    if (!value) {
      return fallback;
    }
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
    const std::string_view suffix(end, static_cast<std::size_t>(value->data() + value->size() - end));
    constexpr std::string_view kSuffixes = "KMGT";
    const std::size_t power = suffix.empty() ? 0 : kSuffixes.find(suffix[0]) + 1;  // npos + 1 == 0
    const std::uint64_t limit = std::numeric_limits<std::uint64_t>::max() >> (10 * power);
    if (error != std::errc() || suffix.size() > 1 || (power == 0 && !suffix.empty()) || number > limit) {
      warn(name, *value, "a number of bytes such as 1073741824 or 512M");
      return fallback;
    }
    return number << (10 * power);
  }

  int integer(const char* name, int least, int most, int fallback) const {
    const auto value = text(name);
    if (!value) {
      return fallback;
    }
    int number = 0;
    const char* last = value->data() + value->size();
    const auto [end, error] = std::from_chars(value->data(), last, number);
    if (error != std::errc() || end != last || number < least || number > most) {
      warn(name, *value, fmt::format("a number from {} to {}", least, most));
      return fallback;
    }
    return number;
  }

  double number(const char* name, double least, double most, double fallback) const {
    const auto value = text(name);
    if (!value) {
      return fallback;
    }
    double result = 0;
    const char* last = value->data() + value->size();
    const auto [end, error] = std::from_chars(value->data(), last, result);
    if (error != std::errc() || end != last || !(result >= least && result <= most)) {
      warn(name, *value, fmt::format("a number from {} to {}", least, most));
      return fallback;
    }
    return result;
  }

  void warn(const char* name, std::string_view value, std::string_view wanted) const {
    warnings_.push_back(fmt::format("{}='{}' is ignored: it must be {}", name, value, wanted));
  }

 private:
  const char* (*lookup_)(const char*);
  std::vector<std::string>& warnings_;
};

void choose_cache_directory(const Environment& environment, std::string (*passwd_home)(), Settings& settings) {
  const auto use = [&settings](fs::path path, const char* reason) {
    settings.cache_directory = std::move(path);
    settings.cache_directory_reason = reason;
  };
  if (auto path = environment.directory("SWIGLU_CACHE_DIR")) {
    return use(std::move(*path), "SWIGLU_CACHE_DIR");
  }
  const fs::path xdg = environment.text("XDG_CACHE_HOME").value_or("");
  if (xdg.is_absolute()) {  // its specification says to ignore a relative one, without a word
    return use(xdg / "swiglu", "XDG_CACHE_HOME");
  }
  const fs::path home = environment.text("HOME").value_or("");
  if (home.is_absolute()) {
    return use(home / ".cache" / "swiglu", "HOME");
  }
  const fs::path entry = passwd_home();
  if (entry.is_absolute()) {
    return use(entry / ".cache" / "swiglu", "the user's password entry");
  }
  settings.cache_directory_reason =
      "none of SWIGLU_CACHE_DIR, XDG_CACHE_HOME, HOME and the user's password entry names an absolute directory; "
      "compiled kernels are kept in memory only";
}

int hardware_threads() {
  const unsigned count = std::thread::hardware_concurrency();
  return count == 0 ? 1 : static_cast<int>(count);
}

const char* lookup_process_environment(const char* name) { return std::getenv(name); }  // NOLINT(concurrency-mt-unsafe)

}  // namespace

std::string home_of_password_entry() {
  std::vector<char> buffer(1024);
  for (;;) {
    passwd entry{};
    passwd* found = nullptr;
    const int error = getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE && buffer.size() < (std::size_t{1} << 20)) {
      buffer.resize(2 * buffer.size());
      continue;
    }
    return error == 0 && found != nullptr && found->pw_dir != nullptr ? found->pw_dir : "";
  }
}

Settings read_settings(const char* (*lookup)(const char* name), std::string (*passwd_home)()) {
  Settings settings{};
  const Environment environment(lookup, settings.warnings);
  choose_cache_directory(environment, passwd_home, settings);
  settings.cache_path = environment.directories("SWIGLU_CACHE_PATH");
  settings.cache_max_bytes = environment.bytes("SWIGLU_CACHE_MAX_BYTES", kDefaultCacheBytes);
  settings.trust_shared_cache = environment.flag("SWIGLU_TRUST_SHARED_CACHE");
  settings.disable_cache = environment.flag("SWIGLU_DISABLE_CACHE");
  settings.nvrtc_library = environment.library("SWIGLU_NVRTC_LIBRARY");
  settings.cuda_library = environment.library("SWIGLU_CUDA_LIBRARY");
  settings.cuda_home = environment.directory("CUDA_HOME");
  if (!settings.cuda_home) {
    settings.cuda_home = environment.directory("CUDA_PATH");
  }
  settings.template_directory = environment.directory("SWIGLU_TEMPLATE_DIR");
  settings.dump_directory = environment.directory("SWIGLU_DUMP_DIR");
  settings.tuning_seconds = environment.number("SWIGLU_TUNING_SECONDS", 0, 3600, kDefaultTuningSeconds);
  settings.cpu_threads = environment.integer("SWIGLU_CPU_THREADS", 1, 4096, hardware_threads());
  if (const auto level = environment.text("SWIGLU_LOG")) {
    settings.log_level = parse_log_level(*level);
    if (!settings.log_level) {
      environment.warn("SWIGLU_LOG", *level, "debug, info, warning, error or off");
    }
  }
  settings.tile = environment.text("SWIGLU_TILE");
  if (settings.tile && !parse_tile(*settings.tile)) {
    environment.warn("SWIGLU_TILE", *settings.tile, "a tile such as 128x64x32_s4_w2x2_g16");
    settings.tile.reset();
  }
  return settings;
}

const Settings& settings() {
  static const Settings& values = *new Settings(read_settings(lookup_process_environment));  // outlives every user
  return values;
}

}  // namespace swiglu
