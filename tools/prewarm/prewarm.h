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
  std::vector<std::string> archs;  // compile for these, without a GPU; empty: choose on `devices`
  // Of each group, whose cards are alike, every one does a part of everything. With `archs` one, which stands for none.
  std::vector<std::vector<int>> devices = {{0}};
  bool measure = true;
  double seconds = 0;     // for each choice; 0: the library's
  double time_limit = 0;  // for everything; 0: none
  int steps_at_once = 1;  // on each device: while one is measured another compiles
};

struct PrewarmResult {
  Json done = Json::array();    // {"problem", "m", "device", "bucket", "kernels", "seconds"}; with archs one a kernel
  Json failed = Json::array();  // {"problem", "m" and "device" or "arch", "message"}
  std::size_t left = 0;         // not begun, for time or because of a signal
  std::vector<std::string> kernels;  // "<configuration> for <architecture>" that must be in a store now
};

std::string failure_in_words(const Json& failure);  // one of `failed`

// A problem at one m on one group of devices, or for one architecture.
std::size_t steps_of(const std::vector<PrewarmProblem>& problems, const PrewarmOptions& options);

// Begins no further step once `is_over` says so, or the time is up.
PrewarmResult prewarm(const std::vector<PrewarmProblem>& problems, const PrewarmOptions& options, Progress& progress,
                      const std::function<bool()>& is_over);

// Reads the stores again: how many of `kernels` they hold, and whether all in the user's directory is sound.
struct Reopened {
  std::string directory;
  std::size_t found = 0;
  std::vector<std::string> missing;
  std::string problem;  // "" if all is sound
};
Reopened reopen(const std::vector<std::string>& kernels);

}  // namespace swiglu::tool
