#include "gpu/tile_list.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "support/plan.h"

namespace swiglu_test {
namespace {

CandidateReport parse_report(const char* json) {
  const nlohmann::json report = nlohmann::json::parse(json);
  CandidateReport candidate;
  candidate.config = report.at("config").get<std::string>();
  candidate.ok = report.at("ok").get<bool>();
  candidate.registers = report.value("registers", 0);
  candidate.message = report.value("message", "");
  const std::size_t first = candidate.config.find('/');
  const std::size_t last = candidate.config.rfind('/');
  if (first == std::string::npos || last == first) {
    throw std::runtime_error("swiglu_compile reported a config that is not problem/family/tile: " + candidate.config);
  }
  candidate.problem = candidate.config.substr(0, first);
  candidate.family = candidate.config.substr(first + 1, last - first - 1);
  candidate.tile = candidate.config.substr(last + 1);
  return candidate;
}

}  // namespace

std::vector<CandidateReport> compile_candidates(const swiglu_plan_desc& desc, const std::string& arch) {
  std::vector<std::string> texts;  // parsed afterwards: a callback must not throw through the library
  const auto collect = [](void* user, const char* json) {
    static_cast<std::vector<std::string>*>(user)->emplace_back(json);
  };
  const swiglu_status status = swiglu_compile(&desc, arch.c_str(), SWIGLU_COMPILE_ALL_CANDIDATES, collect, &texts);
  if (status != SWIGLU_OK && status != SWIGLU_COMPILE_FAILED) {
    require(status, "swiglu_compile for " + arch);
  }
  std::vector<CandidateReport> reports;
  for (const std::string& text : texts) {
    reports.push_back(parse_report(text.c_str()));
  }
  return reports;
}

}  // namespace swiglu_test
