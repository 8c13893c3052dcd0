// The environment as settings, from tables instead of the process's own.
#include "base/settings.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "base/log.h"

namespace {

using swiglu::read_settings;
using swiglu::Settings;

std::map<std::string, std::string>& environment() {
  static std::map<std::string, std::string> variables;
  return variables;
}

const char* lookup(const char* name) {
  const auto found = environment().find(name);
  return found != environment().end() ? found->second.c_str() : nullptr;
}

Settings read(
    std::map<std::string, std::string> variables,
    std::string (*passwd_home)() = [] { return std::string("/home/entry"); }) {
  environment() = std::move(variables);
  return read_settings(lookup, passwd_home);
}

bool warned_of(const Settings& settings, const std::string& variable) {
  for (const std::string& warning : settings.warnings) {
    if (warning.starts_with(variable + "=")) {
      return true;
    }
  }
  return false;
}

TEST_CASE("defaults of an empty environment") {
  const Settings settings = read({});
  CHECK(settings.cache_directory == "/home/entry/.cache/swiglu");
  CHECK(settings.cache_path.empty());
  CHECK(settings.cache_max_bytes == std::uint64_t{1} << 30);
  CHECK_FALSE(settings.trust_shared_cache);
  CHECK_FALSE(settings.disable_cache);
  CHECK_FALSE(settings.nvrtc_library.has_value());
  CHECK_FALSE(settings.cuda_library.has_value());
  CHECK_FALSE(settings.cuda_home.has_value());
  CHECK_FALSE(settings.template_directory.has_value());
  CHECK_FALSE(settings.dump_directory.has_value());
  CHECK_FALSE(settings.log_level.has_value());
  CHECK_FALSE(settings.tile.has_value());
  CHECK(settings.cpu_threads >= 1);
  CHECK(settings.warnings.empty());
}

TEST_CASE("order of the cache directory") {
  std::map<std::string, std::string> all = {{"SWIGLU_CACHE_DIR", "/a"}, {"XDG_CACHE_HOME", "/x"}, {"HOME", "/home/me"}};
  CHECK(read(all).cache_directory == "/a");
  CHECK(read(all).cache_directory_reason == "SWIGLU_CACHE_DIR");
  all.erase("SWIGLU_CACHE_DIR");
  CHECK(read(all).cache_directory == "/x/swiglu");
  all.erase("XDG_CACHE_HOME");
  CHECK(read(all).cache_directory == "/home/me/.cache/swiglu");
  all.erase("HOME");
  CHECK(read(all).cache_directory == "/home/entry/.cache/swiglu");
  const Settings none = read(all, [] { return std::string(); });
  CHECK_FALSE(none.cache_directory.has_value());
  CHECK(none.cache_directory_reason.find("memory only") != std::string::npos);
  CHECK(none.warnings.empty());
}

TEST_CASE("relative and empty directories are never used") {
  const Settings relative = read({{"SWIGLU_CACHE_DIR", "cache"}, {"XDG_CACHE_HOME", "x"}, {"HOME", "/h"}});
  CHECK(relative.cache_directory == "/h/.cache/swiglu");
  CHECK(warned_of(relative, "SWIGLU_CACHE_DIR"));
  CHECK_FALSE(warned_of(relative, "XDG_CACHE_HOME"));  // the XDG specification: ignored
  const Settings empty = read({{"SWIGLU_CACHE_DIR", ""}, {"XDG_CACHE_HOME", ""}, {"HOME", ""}});
  CHECK(empty.cache_directory == "/home/entry/.cache/swiglu");
  CHECK(empty.warnings.empty());
  const Settings home = read({{"HOME", "somewhere"}}, [] { return std::string("relative"); });
  CHECK_FALSE(home.cache_directory.has_value());
}

TEST_CASE("cache path: absolute elements in order, the others told") {
  const Settings settings = read({{"SWIGLU_CACHE_PATH", ":/one:two::/three:"}});
  REQUIRE(settings.cache_path.size() == 2);
  CHECK(settings.cache_path[0] == "/one");
  CHECK(settings.cache_path[1] == "/three");
  CHECK(settings.warnings.size() == 1);
  CHECK(warned_of(settings, "SWIGLU_CACHE_PATH"));
}

TEST_CASE("byte counts") {
  const std::map<std::string, std::uint64_t> good = {{"0", 0},
                                                     {"123", 123},
                                                     {"4K", 4096},
                                                     {"512M", std::uint64_t{512} << 20},
                                                     {"3G", std::uint64_t{3} << 30},
                                                     {"1T", std::uint64_t{1} << 40},
                                                     {"18446744073709551615", 18446744073709551615U}};
  for (const auto& [text, value] : good) {
    CAPTURE(text);
    const Settings settings = read({{"SWIGLU_CACHE_MAX_BYTES", text}});
    CHECK(settings.cache_max_bytes == value);
    CHECK(settings.warnings.empty());
  }
  for (const char* bad : {"-1", "x", "1Q", "1MB", " 1", "1 ", "1.5G", "18446744073709551616", "18446744073709551615K",
                          "K", "0x10", "1k"}) {
    CAPTURE(bad);
    const Settings settings = read({{"SWIGLU_CACHE_MAX_BYTES", bad}});
    CHECK(settings.cache_max_bytes == std::uint64_t{1} << 30);
    CHECK(warned_of(settings, "SWIGLU_CACHE_MAX_BYTES"));
  }
}

TEST_CASE("flags") {
  for (const char* yes : {"1", "on", "true", "yes"}) {
    CHECK(read({{"SWIGLU_DISABLE_CACHE", yes}}).disable_cache);
    CHECK(read({{"SWIGLU_TRUST_SHARED_CACHE", yes}}).trust_shared_cache);
  }
  for (const char* no : {"0", "off", "false", "no", ""}) {
    const Settings settings = read({{"SWIGLU_DISABLE_CACHE", no}});
    CHECK_FALSE(settings.disable_cache);
    CHECK(settings.warnings.empty());
  }
  const Settings bad = read({{"SWIGLU_TRUST_SHARED_CACHE", "2"}});
  CHECK_FALSE(bad.trust_shared_cache);
  CHECK(warned_of(bad, "SWIGLU_TRUST_SHARED_CACHE"));
}

TEST_CASE("libraries: absolute, or a name for the loader") {
  CHECK(read({{"SWIGLU_NVRTC_LIBRARY", "/l/libnvrtc.so"}}).nvrtc_library == "/l/libnvrtc.so");
  CHECK(read({{"SWIGLU_CUDA_LIBRARY", "libcuda.so.1"}}).cuda_library == "libcuda.so.1");
  const Settings bad = read({{"SWIGLU_NVRTC_LIBRARY", "./libnvrtc.so"}, {"SWIGLU_CUDA_LIBRARY", "x/libcuda.so"}});
  CHECK_FALSE(bad.nvrtc_library.has_value());
  CHECK_FALSE(bad.cuda_library.has_value());
  CHECK(bad.warnings.size() == 2);
}

TEST_CASE("directories, threads, log level and tile") {
  CHECK(read({{"CUDA_HOME", "/c"}, {"CUDA_PATH", "/p"}}).cuda_home == "/c");
  CHECK(read({{"CUDA_PATH", "/p"}}).cuda_home == "/p");
  CHECK(read({{"CUDA_HOME", "c"}, {"CUDA_PATH", "/p"}}).cuda_home == "/p");
  CHECK(read({{"SWIGLU_TEMPLATE_DIR", "/t"}}).template_directory == "/t");
  CHECK(read({{"SWIGLU_DUMP_DIR", "/d"}}).dump_directory == "/d");
  CHECK(warned_of(read({{"SWIGLU_DUMP_DIR", "d"}}), "SWIGLU_DUMP_DIR"));

  CHECK(read({{"SWIGLU_CPU_THREADS", "3"}}).cpu_threads == 3);
  const int by_default = read({}).cpu_threads;
  for (const char* bad : {"0", "-1", "4097", "two", "3 ", "99999999999"}) {
    CAPTURE(bad);
    const Settings settings = read({{"SWIGLU_CPU_THREADS", bad}});
    CHECK(settings.cpu_threads == by_default);
    CHECK(warned_of(settings, "SWIGLU_CPU_THREADS"));
  }

  CHECK(read({}).tuning_seconds == 3);
  CHECK(read({{"SWIGLU_TUNING_SECONDS", "0.5"}}).tuning_seconds == 0.5);
  CHECK(read({{"SWIGLU_TUNING_SECONDS", "0"}}).tuning_seconds == 0);
  for (const char* bad : {"-1", "3601", "nan", "inf", "1s", "0x1", " 1"}) {
    CAPTURE(bad);
    const Settings settings = read({{"SWIGLU_TUNING_SECONDS", bad}});
    CHECK(settings.tuning_seconds == 3);
    CHECK(warned_of(settings, "SWIGLU_TUNING_SECONDS"));
  }

  CHECK(read({{"SWIGLU_LOG", "debug"}}).log_level == SWIGLU_LOG_DEBUG);
  CHECK(read({{"SWIGLU_LOG", "off"}}).log_level == SWIGLU_LOG_OFF);
  CHECK_FALSE(read({{"SWIGLU_LOG", "loud"}}).log_level.has_value());
  CHECK(warned_of(read({{"SWIGLU_LOG", "loud"}}), "SWIGLU_LOG"));

  CHECK(read({{"SWIGLU_TILE", "128x64x32_s4_w2x2_g16"}}).tile == "128x64x32_s4_w2x2_g16");
  CHECK_FALSE(read({{"SWIGLU_TILE", "big"}}).tile.has_value());
  CHECK(warned_of(read({{"SWIGLU_TILE", "big"}}), "SWIGLU_TILE"));
}

TEST_CASE("the process's own settings are one object") {
  CHECK(&swiglu::settings() == &swiglu::settings());
  CHECK(swiglu::home_of_password_entry().starts_with("/"));
}

}  // namespace
