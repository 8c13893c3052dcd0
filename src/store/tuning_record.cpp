// Which records are sound. Their JSON: tuning_json.cpp; documents of many: tuning_document.cpp.
#include "store/tuning_record.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "base/spelling.h"
#include "swiglu/validity.h"

namespace swiglu {
namespace {

constexpr std::size_t kMaxTextBytes = 256;

bool is_one_line(const std::string& text) {
  return text.size() <= kMaxTextBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string why_bad(const TuningEnvironment& environment) {
  for (const std::string* text : {&environment.gpu, &environment.compiler, &environment.policy}) {
    if (!is_one_line(*text)) {
      return "environment: a text is not one short line of ASCII";
    }
  }
  if (environment.gpu.empty() || environment.compute_capability < 1 || environment.multiprocessors < 1 ||
      environment.generator < 1) {
    return "environment: no gpu, or a number below 1";
  }
  return "";
}

std::string why_bad(const TuningRecord& record) {
  if (const char* reason = why_invalid(record.config)) {
    return fmt::format("no kernel can be made of {}: {}", print(record.config), reason);
  }
  if (record.first_m < 1 || record.last_m < 0 || (record.last_m != 0 && record.last_m < record.first_m) ||
      record.measured_m < record.first_m || (record.last_m != 0 && record.measured_m > record.last_m)) {
    return fmt::format("m from {} to {}, measured at {}, is no range", record.first_m, record.last_m,
                       record.measured_m);
  }
  if (!(record.microseconds > 0) || !std::isfinite(record.microseconds) || !(record.paper_microseconds >= 0) ||
      !std::isfinite(record.paper_microseconds)) {
    return "a time is not positive and finite";
  }
  if (!(record.budget_seconds >= 0) || !std::isfinite(record.budget_seconds)) {
    return "budget_seconds is negative or not finite";
  }
  return record.candidates < 1 ? "candidates is below 1" : "";
}

}  // namespace

bool is_like(const TuningEnvironment& a, const TuningEnvironment& b) {
  TuningEnvironment other = b;
  other.compiler = a.compiler;
  return a == other;
}

std::string print(const TuningEnvironment& environment) {
  return fmt::format("{} ({}.{}, {} multiprocessors), kernels of version {}, {}, NVRTC {}", environment.gpu,
                     environment.compute_capability / 10, environment.compute_capability % 10,
                     environment.multiprocessors, environment.generator, environment.policy,
                     environment.compiler.empty() ? "none" : environment.compiler);
}

bool same_key(const TuningRecord& a, const TuningRecord& b) {
  return a.config.problem == b.config.problem && a.first_m == b.first_m && a.last_m == b.last_m;
}

std::string why_not_storable(const TuningEntry& entry) {
  std::string why = why_bad(entry.environment);
  return why.empty() ? why_bad(entry.record) : why;
}

}  // namespace swiglu
