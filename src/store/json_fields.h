// Reading JSON that nobody vouches for: a parser that takes no more bytes and no deeper nesting than it is told, and
// the fields of an object, each taken once and none left over. No state; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace swiglu {

using Json = nlohmann::json;  // a tree, so that a file of a million fields costs no square of it

// "", or why `text` is refused.
std::string parse(std::string_view text, std::size_t at_most, Json& json);

// Fields of an object, each taken once; at the end none may be left.
class Fields {
 public:
  Fields(const Json& json, const char* what) : json_(json), what_(what) {
    if (!json.is_object()) {
      refuse("it is no object");
    }
  }

  void text(const char* name, std::string& to) {
    const Json* value = take(name);
    if (value != nullptr && value->is_string()) {
      to = value->get_ref<const std::string&>();
    } else if (value != nullptr) {
      refuse(fmt::format("{} is no text", name));
    }
  }

  template <typename Integer>
  void integer(const char* name, Integer& to, bool or_null = false) {
    const Json* value = take(name);
    if (value == nullptr || (or_null && value->is_null())) {
      return;
    }
    // A number too large for 64 bits is read as a float.
    if (!value->is_number_integer() ||
        (value->is_number_unsigned() && value->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())) {
      refuse(fmt::format("{} is no integer", name));
      return;
    }
    const auto number = value->get<std::int64_t>();
    to = static_cast<Integer>(number);
    if (static_cast<std::int64_t>(to) != number) {
      refuse(fmt::format("{} is out of range", name));
    }
  }

  void number(const char* name, double& to) {
    const Json* value = take(name);
    if (value != nullptr && value->is_number()) {
      to = value->get<double>();
    } else if (value != nullptr) {
      refuse(fmt::format("{} is no number", name));
    }
  }

  void flag(const char* name, bool& to) {
    const Json* value = take(name);
    if (value != nullptr && value->is_boolean()) {
      to = value->get<bool>();
    } else if (value != nullptr) {
      refuse(fmt::format("{} is neither true nor false", name));
    }
  }

  const Json* take(const char* name) {
    if (!why_not_.empty()) {
      return nullptr;
    }
    const auto found = json_.find(name);
    if (found == json_.end()) {
      refuse(fmt::format("{} is missing", name));
      return nullptr;
    }
    ++taken_;
    return &*found;
  }

  std::string end() {
    if (why_not_.empty() && taken_ != json_.size()) {
      refuse("it has fields that this version does not know");
    }
    return why_not_;
  }

 private:
  void refuse(const std::string& why) {
    if (why_not_.empty()) {
      why_not_ = fmt::format("{}: {}", what_, why);
    }
  }

  const Json& json_;
  const char* what_;
  std::string why_not_;
  std::size_t taken_ = 0;
};

}  // namespace swiglu
