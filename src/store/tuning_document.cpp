// Documents of many records: written with a line for each, read as a whole or only for one problem.
#include <algorithm>
#include <tuple>
#include <utility>

#include "base/spelling.h"
#include "store/tuning_json.h"

namespace swiglu {
namespace {

// How encode_document() begins a text and the line of an environment, and ends that.
std::string document_beginning() { return fmt::format("{{\"format\":{},\"environments\":[", kTuningFormat); }
constexpr std::string_view kEnvironmentBegin = "{\"environment\":";
constexpr std::string_view kEnvironmentEnd = ",\"records\":[";

// The line that holds this place of a text, without its end.
std::string_view line_at(std::string_view text, std::size_t at) {
  const std::size_t begin = text.rfind('\n', at);
  return text.substr(begin == std::string_view::npos ? 0 : begin + 1,
                     text.find('\n', at) - (begin == std::string_view::npos ? 0 : begin + 1));
}

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
