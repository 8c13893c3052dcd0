#include "store/json_fields.h"

namespace swiglu {
namespace {

constexpr int kMaxDepth = 8;

// Deeper nesting than any sound file has is refused before a parser sees it.
bool is_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      i += c == '\\' ? 1 : 0;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) {
        return true;
      }
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

std::string parse(std::string_view text, std::size_t at_most, Json& json) {
  if (text.size() > at_most) {
    return fmt::format("its {} bytes are more than the {} it may have", text.size(), at_most);
  }
  if (is_deep(text)) {
    return fmt::format("it is nested deeper than {}", kMaxDepth);
  }
  json = Json::parse(text.begin(), text.end(), nullptr, false);
  return json.is_discarded() ? "it is no JSON" : "";
}

}  // namespace swiglu
