#include "engine/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

namespace swiglu::emulator {

bool same_place(const Location& a, const Location& b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

std::string to_text(const Location& where) {
  const char* slash = std::strrchr(where.file, '/');
  return fmt::format("{}:{}", slash == nullptr ? where.file : slash + 1, where.line);
}

const char* fault_name(Fault fault) {
  switch (fault) {
    case Fault::race:
      return "race";
    case Fault::uninitialised:
      return "uninitialised";
    case Fault::in_flight:
      return "in flight";
    case Fault::proxy:
      return "proxy";
    case Fault::object:
      return "object";
    case Fault::registers:
      return "registers";
    case Fault::divergence:
      return "divergence";
    case Fault::barrier:
      return "barrier";
    case Fault::bounds:
      return "bounds";
    case Fault::alignment:
      return "alignment";
    case Fault::rewritten:
      return "rewritten";
    case Fault::crash:
      return "crash";
  }
  return "unknown";
}

void Report::add(Fault fault, const std::string& key, const std::string& text) {
  const std::string full_key = fmt::format("{}|{}", fault_name(fault), key);
  const auto found = std::find(keys_.begin(), keys_.end(), full_key);
  if (found != keys_.end()) {
    ++findings_[static_cast<std::size_t>(found - keys_.begin())].times;
    return;
  }
  keys_.push_back(full_key);
  findings_.push_back({fault, text, 1});
}

std::string Report::text() const {
  constexpr std::size_t kShown = 12;
  std::string lines;
  for (std::size_t i = 0; i < std::min(findings_.size(), kShown); ++i) {
    const Finding& finding = findings_[i];
    lines += fmt::format("[{}] {} ({} time{})\n", fault_name(finding.fault), finding.text, finding.times,
                         finding.times == 1 ? "" : "s");
  }
  if (findings_.size() > kShown) {
    lines += fmt::format("and {} other findings\n", findings_.size() - kShown);
  }
  return lines;
}

bool Report::has(Fault fault) const {
  return std::any_of(findings_.begin(), findings_.end(),
                     [&](const Finding& finding) { return finding.fault == fault; });
}

}  // namespace swiglu::emulator
