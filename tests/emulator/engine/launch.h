// Runs a kernel over a grid: block after block on the calling thread. Not reentrant; one launch at a time in a process.
#pragma once

#include <functional>

#include "engine/block.h"

namespace swiglu::emulator {

// `kernel` is called once by every thread of every block. Ends at the first fatal finding. Outputs are checked last.
Report launch(const LaunchShape& shape, GlobalMemory& global, const std::function<void()>& kernel);

}  // namespace swiglu::emulator
