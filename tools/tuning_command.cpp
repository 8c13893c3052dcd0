// swiglu tuning: what measuring has found out, listed, and carried to other machines.
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

#include "tools/commands.h"
#include "tools/library.h"

namespace swiglu::tool {
namespace {

struct Options {
  std::string file = "-";
  bool foreign = false;
  bool json = false;
};

std::string read(const std::string& file) {
  std::ifstream stream;
  if (file != "-") {
    stream.open(file, std::ios::binary);
    if (!stream) {
      throw Failure(file + " cannot be read");
    }
  }
  std::istream& from = file == "-" ? std::cin : stream;
  return {std::istreambuf_iterator<char>(from), {}};
}

int export_records(const Options& options) {
  const std::string records = text(swiglu_tuning_export);
  if (options.file == "-") {
    std::fwrite(records.data(), 1, records.size(), stdout);
    return kSuccess;
  }
  std::ofstream stream(options.file, std::ios::binary | std::ios::trunc);
  stream << records;
  stream.close();
  if (!stream) {
    throw Failure(options.file + " cannot be written");
  }
  return kSuccess;
}

int import_records(const Options& options) {
  const std::string records = read(options.file);
  Json result;
  Reports reports([&](const Json& report) { result = report; });
  check(swiglu_tuning_import(records.data(), records.size(), options.foreign ? SWIGLU_TUNING_IMPORT_FOREIGN : 0,
                             Reports::callback, &reports));
  reports.rethrow();
  if (options.json) {
    std::printf("%s\n", result.dump().c_str());
  } else {
    std::printf("%d records added, %d were known\n", result.value("added", 0), result.value("known", 0));
    if (const int skipped = result.value("skipped", 0); skipped > 0) {
      std::printf("%d of other GPUs, kernel versions or NVRTCs skipped; --foreign takes them\n", skipped);
    }
  }
  return kSuccess;
}

std::string range_of(const Json& record) {
  const Json last = record.value("last_m", Json(nullptr));
  return std::to_string(record.value("first_m", std::int64_t{0})) + ".." +
         (last.is_null() ? std::string() : std::to_string(last.get<std::int64_t>()));
}

int list(const Options& options) {
  const std::string records = text(swiglu_tuning_export);
  if (options.json) {
    std::fwrite(records.data(), 1, records.size(), stdout);
    return kSuccess;
  }
  std::size_t count = 0;
  const Json document = Json::parse(records);
  for (const Json& group : document.at("environments")) {
    const Json& environment = group.at("environment");
    std::printf("%s, kernels of version %d, NVRTC %s\n", environment.value("gpu", "?").c_str(),
                environment.value("generator", 0), environment.value("compiler", "?").c_str());
    for (const Json& record : group.at("records")) {
      ++count;
      std::printf("  %10.2f us (on paper's choice %10.2f)  m %-12s %s%s\n", record.value("microseconds", 0.0),
                  record.value("paper_microseconds", 0.0), range_of(record).c_str(),
                  record.value("config", "?").c_str(), record.value("finished", true) ? "" : " (cut short)");
    }
  }
  std::printf("%zu records\n", count);
  return kSuccess;
}

}  // namespace

void add_tuning_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("tuning", "Tuning records of the user's store: list, export, import");
  command->require_subcommand(1);
  command->footer(
      "Exit codes: 0 success, 1 a record is not sound, none is of this machine, or they cannot be written; 2 wrong\n"
      "command line.\n"
      "Examples:\n"
      "  swiglu tuning export h200.json\n"
      "  swiglu tuning import --foreign h200.json");
  auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* description, int (*action)(const Options&)) {
    auto* action_command = command->add_subcommand(name, description);
    action_command->callback([=, &exit_code] { exit_code = action(*options); });
    return action_command;
  };
  add("list", "A line for each record", list)->add_flag("--json", options->json, "The records as JSON");
  add("export", "Write the records as JSON, those of other GPUs and earlier versions included", export_records)
      ->add_option("FILE", options->file, "- is stdout")
      ->capture_default_str();
  auto* import_command =
      add("import", "Add a file's records of this machine to the store: all of them, or none", import_records);
  import_command->add_option("FILE", options->file, "- is stdin")->capture_default_str();
  import_command->add_flag("--foreign", options->foreign, "Also records of other GPUs, kernel versions and NVRTCs");
  import_command->add_flag("--json", options->json, "JSON on stdout");
}

}  // namespace swiglu::tool
