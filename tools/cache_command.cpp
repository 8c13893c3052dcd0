// swiglu cache: where the kernel store is, what it holds, whether it is sound, and how to shrink it.
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <string>

#include "tools/commands.h"
#include "tools/library.h"

namespace swiglu::tool {
namespace {

Json collect(swiglu_status (*function)(swiglu_report_callback, void*), swiglu_status* status) {
  Json entries = Json::array();
  Reports reports([&](const Json& entry) { entries.push_back(entry); });
  *status = function(Reports::callback, &reports);
  reports.rethrow();
  return entries;
}

int where(bool json) {
  const std::string directory = text(swiglu_cache_directory);
  std::printf("%s\n", json ? Json{{"directory", directory}}.dump().c_str() : directory.c_str());
  return kSuccess;
}

int list(bool json) {
  swiglu_status status = SWIGLU_OK;
  const Json entries = collect(swiglu_cache_list, &status);
  check(status);
  if (json) {
    std::printf("%s\n", entries.dump(2).c_str());
    return kSuccess;
  }
  std::uint64_t bytes = 0;
  for (const Json& entry : entries) {
    bytes += entry.value("bytes", std::uint64_t{0});
    std::printf("%-7s %8" PRIu64 " %s %s\n        %s\n", entry.value("arch", "?").c_str(),
                entry.value("bytes", std::uint64_t{0}), entry.value("writable", false) ? "rw" : "r-",
                entry.value("config", "?").c_str(), entry.value("path", "?").c_str());
  }
  std::printf("%zu entries, %" PRIu64 " bytes\n", entries.size(), bytes);
  return kSuccess;
}

int verify(bool json) {
  swiglu_status status = SWIGLU_OK;
  const Json damaged = collect(swiglu_cache_verify, &status);
  if (status != SWIGLU_OK && damaged.empty()) {
    check(status);
  }
  if (json) {
    std::printf("%s\n", damaged.dump(2).c_str());
  } else {
    for (const Json& entry : damaged) {
      std::printf("%s: %s\n", entry.value("path", "?").c_str(), entry.value("problem", "?").c_str());
    }
    std::printf("%zu damaged or foreign entries\n", damaged.size());
  }
  return damaged.empty() ? kSuccess : kFailure;
}

// AsSizeValue takes -5 for nearly 2^64.
std::string no_sign(const std::string& size) {
  return size.find('-') == std::string::npos ? "" : "must be a size such as 10MB, and is " + size;
}

int prune(std::uint64_t max_bytes, bool json) {
  std::uint64_t removed = 0;
  std::uint64_t remaining = 0;
  check(swiglu_cache_prune(max_bytes, &removed, &remaining));
  if (json) {
    std::printf("%s\n", Json{{"removed_bytes", removed}, {"remaining_bytes", remaining}}.dump().c_str());
  } else {
    std::printf("removed %" PRIu64 " bytes, %" PRIu64 " bytes remain\n", removed, remaining);
  }
  return kSuccess;
}

// A function that reports once.
template <typename Function>
Json report_of(Function function) {
  Json result;
  Reports reports([&](const Json& report) { result = report; });
  const swiglu_status status = function(Reports::callback, &reports);
  reports.rethrow();
  check(status);
  return result;
}

int export_pack(const std::string& file, const std::string& arch, bool json) {
  const Json result = report_of([&](swiglu_report_callback callback, void* user) {
    return swiglu_cache_export(file.c_str(), arch.empty() ? nullptr : arch.c_str(), callback, user);
  });
  if (json) {
    std::printf("%s\n", result.dump().c_str());
  } else {
    std::printf("%d kernels and %d tuning records packed into %s\n", result.value("kernels", 0),
                result.value("records", 0), file.c_str());
  }
  return kSuccess;
}

int import_pack(const std::string& file, bool json) {
  const Json result = report_of(
      [&](swiglu_report_callback callback, void* user) { return swiglu_cache_import(file.c_str(), callback, user); });
  if (json) {
    std::printf("%s\n", result.dump().c_str());
  } else {
    std::printf("%d kernels and %d tuning records added, %d records were known\n", result.value("kernels", 0),
                result.value("records", 0), result.value("known_records", 0));
  }
  return kSuccess;
}

}  // namespace

void add_cache_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("cache", "The kernel store: where, list, verify, export, import, prune, clear");
  command->require_subcommand(1);
  command->footer(
      "Exit codes: 0 success; 1 there is no usable directory, (verify) an entry is damaged, or (import) the pack is "
      "not\n"
      "sound or has no room under SWIGLU_CACHE_MAX_BYTES; 2 wrong command line.\n"
      "Examples:\n"
      "  swiglu cache list --json\n"
      "  swiglu cache prune --max-bytes 256MB");
  auto json = std::make_shared<bool>(false);
  auto max_bytes = std::make_shared<std::uint64_t>(0);
  const auto add = [&](const char* name, const char* description, auto action) {
    auto* action_command = command->add_subcommand(name, description);
    action_command->add_flag("--json", *json, "JSON on stdout");
    action_command->callback([=, &exit_code] { exit_code = action(*json); });
    return action_command;
  };
  add("where", "Print the directory compiled kernels are written to", where);
  add("list", "Every entry of every directory searched", list);
  add("verify", "Read every entry whole; report those that are damaged or foreign", verify);
  add("prune", "Remove least recently used entries of the user's directory",
      [max_bytes](bool as_json) { return prune(*max_bytes, as_json); })
      ->add_option("--max-bytes", *max_bytes, "How much may remain; 10KB, 256MB, 1GB are understood")
      ->transform(CLI::AsSizeValue(false))
      ->transform(CLI::Validator(no_sign, "", "size"))  // before the other: the last added goes first
      ->type_name("SIZE")
      ->required();
  auto file = std::make_shared<std::string>();
  auto arch = std::make_shared<std::string>();
  auto* export_command =
      add("export", "Pack the user's kernels and tuning records into one file, which serves in SWIGLU_CACHE_PATH",
          [file, arch](bool as_json) { return export_pack(*file, *arch, as_json); });
  export_command->add_option("FILE", *file, "A tar archive")->required();
  export_command->add_option("--arch", *arch, "Kernels of this architecture alone")->type_name("ARCH");
  add("import", "Add a pack's kernels and tuning records to the user's directory",
      [file](bool as_json) { return import_pack(*file, as_json); })
      ->add_option("FILE", *file, "As export wrote it")
      ->required();
  add("clear", "Remove every entry of the user's directory", [](bool as_json) { return prune(0, as_json); });
}

}  // namespace swiglu::tool
