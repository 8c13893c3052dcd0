#include "jit/templates.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>

#include "base/error.h"
#include "base/settings.h"
#include "jit/embedded_templates.h"

namespace swiglu {
namespace {

std::vector<Template> embedded() {
  std::vector<Template> all;
  for (const EmbeddedTemplate& one : embedded_templates()) {
    Template& made = all.emplace_back(Template{std::string(one.name), {}});
    for (const std::string_view chunk : one.chunks) {
      made.text += chunk;
    }
  }
  return all;
}

bool is_template(const std::filesystem::path& path) { return path.extension() == ".h" || path.extension() == ".cuh"; }

}  // namespace

std::vector<Template> read_templates(const std::filesystem::path& directory) {
  std::vector<Template> all;
  for (const char* folder : {"ptx", "swiglu"}) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory / folder, error)) {
      if (!is_template(entry.path())) {
        continue;
      }
      std::ifstream file(entry.path(), std::ios::binary);
      std::string text{std::istreambuf_iterator<char>(file), {}};
      if (!file) {
        fail(SWIGLU_INVALID_ARGUMENT, "the kernel template {} cannot be read", entry.path().string());
      }
      all.push_back({fmt::format("{}/{}", folder, entry.path().filename().string()), std::move(text)});
    }
  }
  if (all.empty()) {
    fail(SWIGLU_INVALID_ARGUMENT,
         "SWIGLU_TEMPLATE_DIR is {}, and {}/swiglu holds no kernel templates (*.h, *.cuh). Name the folder that holds "
         "swiglu/ and ptx/, or unset it to use the embedded ones",
         directory.string(), directory.string());
  }
  std::sort(all.begin(), all.end(), [](const Template& a, const Template& b) { return a.name < b.name; });
  return all;
}

const std::vector<Template>& templates() {
  static const auto* const all = new std::vector<Template>(
      settings().template_directory ? read_templates(*settings().template_directory) : embedded());
  return *all;
}

Digest digest_of(const std::vector<Template>& all) {
  std::string bytes;
  for (const Template& one : all) {
    bytes += fmt::format("{} {}\n", one.name, one.text.size());  // lengths: no two lists run together alike
    bytes += one.text;
  }
  return digest(bytes);
}

const Digest& templates_digest() {
  static const Digest value = digest_of(templates());
  return value;
}

}  // namespace swiglu
