// fmt's implementation, compiled here and nowhere else. Everybody includes <fmt/core.h> alone, which declares what this
// file defines: fmt header-only in every file would take most of the build's time, and libfmt would be one more library
// to find at run time.
#define FMT_HEADER_ONLY
#include <fmt/format.h>

namespace swiglu {

// In this mode fmt's functions are inline; taking an address emits the one that <fmt/core.h> calls.
extern std::string (*const kFormatter)(fmt::string_view, fmt::format_args);
std::string (*const kFormatter)(fmt::string_view, fmt::format_args) = &fmt::vformat;

}  // namespace swiglu
