// Which tiles the library could use for a problem on a device: swiglu_compile's reports with ALL_CANDIDATES, which also
// leave every one of those kernels in the kernel store.
#pragma once

#include <swiglu/swiglu.h>

#include <string>
#include <vector>

namespace swiglu_test {

struct CandidateReport {
  std::string config;   // "<problem>/<family>/<tile>"
  std::string problem;  // its parts
  std::string family;
  std::string tile;
  bool ok = false;
  int registers = 0;
  std::string message;  // why not
};

// Throws std::runtime_error where swiglu_compile fails as a whole; a candidate that fails to compile is a report.
std::vector<CandidateReport> compile_candidates(const swiglu_plan_desc& desc, const std::string& arch);

}  // namespace swiglu_test
