#include "tools/prewarm/devices.h"

#include <algorithm>

namespace swiglu::tool {
namespace {

// Throws Failure saying which devices there are.
const Json& named(const Json& devices, const std::string& ordinal) {
  for (const Json& device : devices) {
    if (device.value("ordinal", Json()).dump() == ordinal) {
      if (device.contains("problem")) {
        throw Failure("device " + ordinal + " cannot be used: " + device.value("problem", "?"));
      }
      return device;
    }
  }
  throw Failure("there is no device " + ordinal + "; the driver has " + std::to_string(devices.size()) +
                " (swiglu info lists them)");
}

}  // namespace

std::vector<std::vector<int>> alike_devices(const Json& info, const std::vector<std::string>& wanted) {
  const Json devices = info.value("devices", Json::array());
  const Json driver = info.value("driver", Json::object());
  if (!driver.value("found", false)) {
    throw Failure("no GPU to choose on: " + driver.value("reason", "no driver") + ". --arch only compiles");
  }
  std::vector<Json> chosen;
  for (const std::string& ordinal : wanted) {
    if (ordinal == "all") {
      std::copy_if(devices.begin(), devices.end(), std::back_inserter(chosen),
                   [](const Json& device) { return !device.contains("problem"); });
    } else {
      chosen.push_back(named(devices, ordinal));
    }
  }
  if (chosen.empty()) {
    throw Failure("none of the driver's " + std::to_string(devices.size()) +
                  " devices can be used (swiglu info says why)");
  }
  std::vector<std::vector<int>> groups;
  std::vector<Json> kinds;
  for (Json& device : chosen) {
    const int ordinal = device.value("ordinal", 0);
    device.erase("ordinal");
    const auto kind = std::find(kinds.begin(), kinds.end(), device);
    if (kind == kinds.end()) {
      kinds.push_back(device);
      groups.push_back({ordinal});
      continue;
    }
    std::vector<int>& group = groups[static_cast<std::size_t>(kind - kinds.begin())];
    if (std::find(group.begin(), group.end(), ordinal) == group.end()) {
      group.push_back(ordinal);
    }
  }
  return groups;
}

}  // namespace swiglu::tool
