// The kernel templates, embedded in the library at build time, or read from SWIGLU_TEMPLATE_DIR (a folder laid out as
// kernel_templates/: edit, rerun). Immutable after first use, thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/digest.h"

namespace swiglu {

struct Template {
  std::string name;  // as included: "swiglu/mma_sm80.cuh"
  std::string text;
};

// In order of names. Throws Error{INVALID_ARGUMENT} where SWIGLU_TEMPLATE_DIR holds no templates.
const std::vector<Template>& templates();
const Digest& templates_digest();  // of templates(), computed once

std::vector<Template> read_templates(const std::filesystem::path& directory);
Digest digest_of(const std::vector<Template>&);  // over every name and text

}  // namespace swiglu
