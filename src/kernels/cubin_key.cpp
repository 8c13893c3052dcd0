#include "kernels/cubin_key.h"

#include <map>

#include <fmt/core.h>

namespace swiglu {
namespace {

std::string escaped(const std::string& value) {
  std::string text;
  for (const char character : value) {
    if (character == '\n') {
      text += "\\n";
    } else if (character == '\\') {
      text += "\\\\";
    } else {
      text += character;
    }
  }
  return text;
}

}  // namespace

std::string print_key(const CubinIngredients& ingredients) {
  std::map<std::string, std::string> values = {
      {"arch", ingredients.arch},     {"compiler", ingredients.compiler},
      {"config", ingredients.config}, {"shared_bytes", std::to_string(ingredients.shared_bytes)},
      {"source", ingredients.source}, {"templates", hex(ingredients.templates)},
  };
  for (std::size_t i = 0; i < ingredients.options.size(); ++i) {
    values.emplace(fmt::format("option.{:02}", i), ingredients.options[i]);
  }
  std::string text = fmt::format("schema={}\n", ingredients.schema);
  for (const auto& [name, value] : values) {
    text += fmt::format("{}={}\n", name, escaped(value));
  }
  return text;
}

}  // namespace swiglu
