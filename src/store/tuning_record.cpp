#include "store/tuning_record.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/spelling.h"

namespace swiglu {
namespace {

using Json = nlohmann::json;             // read: a tree, so that a file of a million fields costs no square of it
using Ordered = nlohmann::ordered_json;  // written

constexpr int kFormat = 1;
constexpr int kMaxDepth = 8;
constexpr std::size_t kMaxTextBytes = 256;

Ordered to_json(const TuningEnvironment& environment) {
  return {{"gpu", environment.gpu},
          {"compute_capability", environment.compute_capability},
          {"multiprocessors", environment.multiprocessors},
          {"generator", environment.generator},
          {"compiler", environment.compiler},
          {"policy", environment.policy}};
}

Ordered to_json(const TuningRecord& record) {
  return {{"config", print(record.config)},
          {"first_m", record.first_m},
          {"last_m", record.last_m == 0 ? Ordered(nullptr) : Ordered(record.last_m)},
          {"measured_m", record.measured_m},
          {"microseconds", record.microseconds},
          {"paper_microseconds", record.paper_microseconds},
          {"candidates", record.candidates},
          {"finished", record.finished}};
}

std::string to_text(const Ordered& json) { return json.dump(-1, ' ', false, Ordered::error_handler_t::replace); }

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

std::string read(const Json& json, TuningEnvironment& environment) {
  Fields fields(json, "environment");
  fields.text("gpu", environment.gpu);
  fields.integer("compute_capability", environment.compute_capability);
  fields.integer("multiprocessors", environment.multiprocessors);
  fields.integer("generator", environment.generator);
  fields.text("compiler", environment.compiler);
  fields.text("policy", environment.policy);
  return fields.end();
}

std::string read(const Json& json, TuningRecord& record) {
  std::string config;
  Fields fields(json, "record");
  fields.text("config", config);
  fields.integer("first_m", record.first_m);
  fields.integer("last_m", record.last_m, true);
  fields.integer("measured_m", record.measured_m);
  fields.number("microseconds", record.microseconds);
  fields.number("paper_microseconds", record.paper_microseconds);
  fields.integer("candidates", record.candidates);
  fields.flag("finished", record.finished);
  std::string why = fields.end();
  if (!why.empty()) {
    return why;
  }
  const auto parsed = parse_config(config);
  if (!parsed) {
    return "record: config is not the spelling of a configuration";
  }
  record.config = *parsed;
  return record.last_m == 0 && !json.at("last_m").is_null() ? "record: last_m is 0" : "";
}

std::string read_format(Fields& fields) {
  int format = 0;
  fields.integer("format", format);
  return format == kFormat ? "" : fmt::format("format is {}; this version reads {}", format, kFormat);
}

// How encode_document() begins a text and the line of an environment, and ends that.
std::string document_beginning() { return fmt::format("{{\"format\":{},\"environments\":[", kFormat); }
constexpr std::string_view kEnvironmentBegin = "{\"environment\":";
constexpr std::string_view kEnvironmentEnd = ",\"records\":[";

// The line that holds this place of a text, without its end.
std::string_view line_at(std::string_view text, std::size_t at) {
  const std::size_t begin = text.rfind('\n', at);
  return text.substr(begin == std::string_view::npos ? 0 : begin + 1,
                     text.find('\n', at) - (begin == std::string_view::npos ? 0 : begin + 1));
}

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

bool is_one_line(const std::string& text) {
  return text.size() <= kMaxTextBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string why_bad(const TuningEnvironment& environment) {
  for (const std::string* text : {&environment.gpu, &environment.compiler, &environment.policy}) {
    if (!is_one_line(*text)) {
      return "environment: a text is not one short line of ASCII";
    }
  }
  if (environment.gpu.empty() || environment.compute_capability < 1 || environment.multiprocessors < 1 ||
      environment.generator < 1) {
    return "environment: no gpu, or a number below 1";
  }
  return "";
}

std::string why_bad(const TuningRecord& record) {
  if (const char* reason = why_invalid(record.config)) {
    return fmt::format("no kernel can be made of {}: {}", print(record.config), reason);
  }
  if (record.first_m < 1 || record.last_m < 0 || (record.last_m != 0 && record.last_m < record.first_m) ||
      record.measured_m < record.first_m || (record.last_m != 0 && record.measured_m > record.last_m)) {
    return fmt::format("m from {} to {}, measured at {}, is no range", record.first_m, record.last_m,
                       record.measured_m);
  }
  if (!(record.microseconds > 0) || !std::isfinite(record.microseconds) || !(record.paper_microseconds >= 0) ||
      !std::isfinite(record.paper_microseconds)) {
    return "a time is not positive and finite";
  }
  return record.candidates < 1 ? "candidates is below 1" : "";
}

}  // namespace

bool is_like(const TuningEnvironment& a, const TuningEnvironment& b) {
  TuningEnvironment other = b;
  other.compiler = a.compiler;
  return a == other;
}

std::string print(const TuningEnvironment& environment) {
  return fmt::format("{} ({}.{}, {} multiprocessors), kernels of version {}, {}, NVRTC {}", environment.gpu,
                     environment.compute_capability / 10, environment.compute_capability % 10,
                     environment.multiprocessors, environment.generator, environment.policy,
                     environment.compiler.empty() ? "none" : environment.compiler);
}

bool same_key(const TuningRecord& a, const TuningRecord& b) {
  return a.config.problem == b.config.problem && a.first_m == b.first_m && a.last_m == b.last_m;
}

std::string why_not_storable(const TuningEntry& entry) {
  std::string why = why_bad(entry.environment);
  return why.empty() ? why_bad(entry.record) : why;
}

std::string encode_manifest(const TuningEnvironment& environment) { return to_text(to_json(environment)) + "\n"; }

std::string encode_entry(const TuningEntry& entry) {
  return to_text(
             {{"format", kFormat}, {"environment", to_json(entry.environment)}, {"record", to_json(entry.record)}}) +
         "\n";
}

DecodedEntry decode_tuning_entry(std::string_view text) {
  Json json;
  std::string why = parse(text, kMaxTuningFileBytes, json);
  if (!why.empty()) {
    return {std::nullopt, why};
  }
  TuningEntry entry;
  Fields fields(json, "file");
  why = read_format(fields);
  const Json* environment = fields.take("environment");
  const Json* record = fields.take("record");
  if (const std::string end = fields.end(); !end.empty()) {
    why = end;
  }
  if (why.empty()) {
    why = read(*environment, entry.environment);
  }
  if (why.empty()) {
    why = read(*record, entry.record);
  }
  if (why.empty()) {
    why = why_not_storable(entry);
  }
  return why.empty() ? DecodedEntry{std::move(entry), ""} : DecodedEntry{std::nullopt, why};
}

// A line for each environment and for each record, so that people and version control see what changes.
std::string encode_document(const std::vector<TuningEntry>& entries) {
  std::vector<const TuningEntry*> sorted;
  sorted.reserve(entries.size());
  for (const TuningEntry& entry : entries) {
    sorted.push_back(&entry);
  }
  const auto key = [](const TuningEntry* entry) {
    const Problem& problem = entry->record.config.problem;
    Problem family = problem;  // sizes apart, so that they are sorted as numbers
    family.d_model = family.d_intermediate = 1;
    return std::tuple(print(entry->environment), print(family), problem.d_model, problem.d_intermediate,
                      entry->record.first_m);
  };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const TuningEntry* a, const TuningEntry* b) { return key(a) < key(b); });
  std::string text = document_beginning();
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const bool first = i == 0 || sorted[i]->environment != sorted[i - 1]->environment;
    if (first) {
      text += fmt::format("{}\n{}{}{}", i == 0 ? "" : "\n]},", kEnvironmentBegin,
                          to_text(to_json(sorted[i]->environment)), kEnvironmentEnd);
    }
    text += fmt::format("{}\n{}", first ? "" : ",", to_text(to_json(sorted[i]->record)));
  }
  return text + (sorted.empty() ? "]}\n" : "\n]}]}\n");
}

DecodedDocument decode_document(std::string_view text) {
  DecodedDocument result;
  Json json;
  result.why_not = parse(text, kMaxTuningDocumentBytes, json);
  if (!result.why_not.empty()) {
    return result;
  }
  const auto refuse = [&](const std::string& why) {
    result.entries.clear();
    result.why_not = why;
    return result;
  };
  Fields fields(json, "document");
  const std::string format = read_format(fields);
  const Json* groups = fields.take("environments");
  if (const std::string end = fields.end(); !end.empty() || !format.empty()) {
    return refuse(end.empty() ? format : end);
  }
  if (!groups->is_array()) {
    return refuse("environments is no array");
  }
  for (const Json& group : *groups) {
    TuningEntry entry;
    Fields parts(group, "environments");
    const Json* environment = parts.take("environment");
    const Json* records = parts.take("records");
    std::string why = parts.end();
    if (why.empty()) {
      why = read(*environment, entry.environment);
    }
    if (why.empty() && !records->is_array()) {
      why = "records is no array";
    }
    if (!why.empty()) {
      return refuse(why);
    }
    for (const Json& record : *records) {
      entry.record = {};
      why = read(record, entry.record);
      why = why.empty() ? why_not_storable(entry) : why;
      if (!why.empty()) {
        return refuse(fmt::format("record {}: {}", result.entries.size() + 1, why));
      }
      result.entries.push_back(entry);
    }
  }
  return result;
}

namespace {

// Of a text whose records have a line each, those of one problem; nothing where its lines are not as written.
std::optional<std::vector<TuningEntry>> decode_lines(std::string_view text, const std::string& wanted) {
  std::vector<TuningEntry> entries;
  for (std::size_t at = text.find(wanted); at != std::string_view::npos; at = text.find(wanted, at + 1)) {
    const std::size_t environment = text.rfind(kEnvironmentBegin, at);
    std::string_view record_line = line_at(text, at);
    std::string_view line = environment == std::string_view::npos ? "" : line_at(text, environment);
    if (!line.starts_with(kEnvironmentBegin) || !line.ends_with(kEnvironmentEnd)) {
      return std::nullopt;
    }
    record_line.remove_suffix(record_line.ends_with(',') ? 1 : 0);
    line.remove_prefix(kEnvironmentBegin.size());
    line.remove_suffix(kEnvironmentEnd.size());
    TuningEntry entry;
    Json json;
    if (!parse(record_line, kMaxTuningFileBytes, json).empty() || !read(json, entry.record).empty() ||
        !parse(line, kMaxTuningFileBytes, json).empty() || !read(json, entry.environment).empty() ||
        !why_not_storable(entry).empty()) {
      return std::nullopt;
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

DecodedDocument decode_problem(std::string_view text, const Problem& problem) {
  if (text.starts_with(document_beginning())) {
    if (auto entries = decode_lines(text, fmt::format("\"config\":\"{}/", print(problem)))) {
      return {std::move(*entries), ""};
    }
  }
  DecodedDocument whole = decode_document(text);
  std::erase_if(whole.entries, [&](const TuningEntry& entry) { return entry.record.config.problem != problem; });
  return whole;
}

}  // namespace swiglu
