// swiglu info: the library, NVRTC, driver, devices and directories, and why something is missing.
#include <cstdio>
#include <memory>

#include "tools/commands.h"
#include "tools/library.h"

namespace swiglu::tool {
namespace {

bool is_leaf(const Json& value) { return !value.is_structured() || value.empty(); }

std::string leaf(const Json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_null() || (value.is_structured() && value.empty())) {
    return "none";
  }
  return value.dump();
}

// Nested objects and lists as indented lines "name: value".
void print(const Json& value, int indent) {
  for (const auto& [name, child] : value.items()) {
    const std::string label = value.is_array() ? "-" : name + ":";
    if (is_leaf(child)) {
      std::printf("%*s%s %s\n", indent, "", label.c_str(), leaf(child).c_str());
    } else {
      std::printf("%*s%s\n", indent, "", label.c_str());
      print(child, indent + 2);
    }
  }
}

}  // namespace

void add_info_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("info", "What the library found on this machine, and why something is missing");
  command->footer("Example:\n  swiglu info --json | python3 -m json.tool");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "One JSON object on stdout");
  command->callback([json, &exit_code] {
    const Json info = Json::parse(text(swiglu_info));
    if (*json) {
      std::printf("%s\n", info.dump(2).c_str());
    } else {
      print(info, 0);
    }
    exit_code = kSuccess;
  });
}

}  // namespace swiglu::tool
