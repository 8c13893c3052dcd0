#include "plan/info.h"

#include "base/error.h"
#include "base/location.h"
#include "base/settings.h"
#include "base/spelling.h"
#include "cuda/device.h"
#include "cuda/driver.h"
#include "jit/compiler.h"
#include "plan/json.h"

namespace swiglu {
namespace {

// {"found": true, ...} or {"found": false, "reason"}.
template <typename Describe>
Json found_or_reason(Describe describe) {
  try {
    Json found{{"found", true}};
    found.update(describe());
    return found;
  } catch (const Error& error) {
    return {{"found", false}, {"reason", error.what()}};
  }
}

Json library() {
  const auto directory = library_directory();
  return {{"version", fmt::format("{}.{}.{}", SWIGLU_VERSION_MAJOR, SWIGLU_VERSION_MINOR, SWIGLU_VERSION_PATCH)},
          {"directory", directory ? Json(directory->string()) : Json(nullptr)}};
}

Json nvrtc() {
  const Compiler& compiler = Compiler::instance();
  return {{"version", version_text(compiler.version())},
          {"identity", compiler.identity()},
          {"path", compiler.path().string()}};
}

Json cuda_driver() { return {{"version", version_text(driver().version)}, {"path", driver().path.string()}}; }

Json device(int ordinal) {
  try {
    const Device& opened = Device::get(ordinal);
    const DeviceSpec& spec = opened.spec();
    Json families = Json::array();
    for (const Family family : opened.arch().families) {
      families.push_back(name(family));
    }
    return {{"ordinal", ordinal},
            {"name", spec.name},
            {"compute_capability", fmt::format("{}.{}", spec.compute_capability / 10, spec.compute_capability % 10)},
            {"arch", opened.arch().name},
            {"families", std::move(families)},
            {"multiprocessors", spec.multiprocessors},
            {"shared_bytes_per_block", spec.shared_bytes_per_block}};
  } catch (const Error& error) {
    return {{"ordinal", ordinal}, {"problem", error.what()}};
  }
}

Json devices() {
  Json found = Json::array();
  try {
    const int count = Device::count();
    for (int ordinal = 0; ordinal < count; ++ordinal) {
      found.push_back(device(ordinal));
    }
  } catch (const Error&) {
    // The driver's entry says why.
  }
  return found;
}

Json cache() {
  const Settings& environment = settings();
  Json read_only = Json::array();
  for (const auto& directory : environment.cache_path) {
    read_only.push_back(directory.string());
  }
  if (const auto installed = installed_cache_directory()) {
    read_only.push_back(installed->string());
  }
  return {{"directory", environment.cache_directory ? Json(environment.cache_directory->string()) : Json(nullptr)},
          {"directory_reason", environment.cache_directory_reason},
          {"read_only", std::move(read_only)},
          {"max_bytes", environment.cache_max_bytes},
          {"disabled", environment.disable_cache}};
}

}  // namespace

std::string info() {
  return to_text({{"library", library()},
                  {"nvrtc", found_or_reason(nvrtc)},
                  {"driver", found_or_reason(cuda_driver)},
                  {"devices", devices()},
                  {"cpu", {{"threads", settings().cpu_threads}}},
                  {"cache", cache()},
                  {"environment", settings().warnings}});
}

}  // namespace swiglu
