// Doing what `swiglu prewarm` has to do: kernels chosen, compiled and stored before they are wanted.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/library.h"
#include "tools/prewarm/progress.h"
#include "tools/prewarm/work_list.h"

namespace swiglu::tool {

struct PrewarmOptions {
  std::vector<std::string> archs;  // compile for these, without a GPU; empty: choose on `device`
  int device = 0;
  bool measure = true;
  double seconds = 0;        // for each choice; 0: the library's
  double time_limit = 0;     // for everything; 0: none
  int problems_at_once = 1;  // while one is measured another compiles
};

struct PrewarmResult {
  Json done = Json::array();         // {"problem", "m", "bucket", "kernels", "seconds"}; with archs one a kernel
  Json failed = Json::array();       // {"problem", "m" or "arch", "message"}
  std::size_t left = 0;              // not begun, for time or because of a signal
  std::vector<std::string> kernels;  // configurations that must be in the store now
};

std::string failure_in_words(const Json& failure);  // one of `failed`

std::size_t steps_of(const std::vector<PrewarmProblem>& problems, const PrewarmOptions& options);

// Begins no further step once `is_over` says so, or the time is up.
PrewarmResult prewarm(const std::vector<PrewarmProblem>& problems, const PrewarmOptions& options, Progress& progress,
                      const std::function<bool()>& is_over);

// Reads the store again: how many of `kernels` are in the user's directory, and whether all in it is sound.
struct Reopened {
  std::string directory;
  std::size_t found = 0;
  std::vector<std::string> missing;
  std::string problem;  // "" if all is sound
};
Reopened reopen(const std::vector<std::string>& kernels);

}  // namespace swiglu::tool
