// The kernel templates as they were when the library was built: defined by the source that kernel_templates/embed.cmake
// writes. jit/templates.h is what the library reads.
#pragma once

#include <span>
#include <string_view>

namespace swiglu {

struct EmbeddedTemplate {
  std::string_view name;                     // as included: "swiglu/mma_sm80.cuh"
  std::span<const std::string_view> chunks;  // the text, in order
};

std::span<const EmbeddedTemplate> embedded_templates();

}  // namespace swiglu
