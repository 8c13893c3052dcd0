// Configuration -> the text of its translation unit: an instantiation of a kernel template, about ten lines, no
// algorithm. Golden copies: kernel_templates/instances/.
#pragma once

#include <string>

#include "swiglu/config.h"

namespace swiglu {

// The extern "C" entries of every unit, and of those with gradients ahead.
inline constexpr const char* kKernelName = "swiglu_kernel";
inline constexpr const char* kClearName = "swiglu_clear";

std::string generate_source(const KernelConfig&);

}  // namespace swiglu
