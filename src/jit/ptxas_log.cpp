#include "jit/ptxas_log.h"

#include <cctype>
#include <charconv>

#include <fmt/core.h>

namespace swiglu {
namespace {

// The number right before `label` ("96 bytes spill stores"); 0 where there is none.
int number_before(std::string_view line, std::string_view label) {
  const std::size_t at = line.find(label);
  if (at == std::string_view::npos || at == 0) {
    return 0;
  }
  std::size_t begin = at;
  while (begin > 0 && std::isdigit(static_cast<unsigned char>(line[begin - 1])) != 0) {
    --begin;
  }
  int value = 0;
  std::from_chars(line.data() + begin, line.data() + at, value);
  return value;
}

// "(C7510)", in its parentheses: an advisory that ptxas changed or serialised the code it was given.
bool has_advisory(std::string_view line) {
  for (const std::string_view code : {"(C75", "(C76"}) {
    const std::size_t at = line.find(code);
    if (at != std::string_view::npos && line.size() > at + 6 && line[at + 6] == ')') {
      return true;
    }
  }
  return false;
}

}  // namespace

PtxasReport read_ptxas_log(std::string_view log) {
  PtxasReport report;
  while (!log.empty()) {
    const std::size_t end = log.find('\n');
    const std::string_view line = log.substr(0, end);
    log.remove_prefix(end == std::string_view::npos ? log.size() : end + 1);
    if (line.find("bytes stack frame") != std::string_view::npos) {
      report.stack_bytes += number_before(line, " bytes stack frame");
      report.spill_bytes += number_before(line, " bytes spill stores") + number_before(line, " bytes spill loads");
    } else if (line.find("Used ") != std::string_view::npos) {
      report.registers = number_before(line, " registers");
      report.static_shared_bytes = number_before(line, " bytes smem");
    } else if (report.defect.empty() && has_advisory(line)) {
      report.defect = line;
    }
  }
  if (report.defect.empty() && report.spill_bytes > 0) {
    report.defect = fmt::format("{} bytes of registers are spilled to local memory", report.spill_bytes);
  }
  return report;
}

}  // namespace swiglu
