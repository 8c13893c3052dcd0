// Configuration -> the text of its translation unit: an instantiation of a kernel template, about ten lines, no
// algorithm. Golden copies: kernel_templates/instances/.
#pragma once

#include <string>

#include "swiglu/config.h"

namespace swiglu {

inline constexpr const char* kKernelName = "swiglu_kernel";  // the one extern "C" entry of every unit

std::string generate_source(const KernelConfig&);

}  // namespace swiglu
