// swiglu_compile: a problem's kernels for a named architecture, compiled and published without a GPU.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <functional>
#include <string>

namespace swiglu {

using Report = std::function<void(const std::string& json)>;

// Compiles on several threads; calls `report` on the calling thread, as kernels are finished. Throws
// Error{COMPILE_FAILED} after the last one if any failed ({NOT_CACHED} if all that failed are only not cached), and at
// once for an argument that is wrong, an architecture that is not known, and where there is no compiler.
void compile_ahead(const swiglu_plan_desc& desc, const std::string& arch, std::uint32_t flags, const Report& report);

}  // namespace swiglu
