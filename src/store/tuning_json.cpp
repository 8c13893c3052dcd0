#include "store/tuning_json.h"

#include <utility>

#include "base/spelling.h"

namespace swiglu {

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
          {"finished", record.finished},
          {"budget_seconds", record.budget_seconds}};
}

std::string to_text(const Ordered& json) { return json.dump(-1, ' ', false, Ordered::error_handler_t::replace); }

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
  fields.number("budget_seconds", record.budget_seconds);
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
  return format == kTuningFormat ? "" : fmt::format("format is {}; this version reads {}", format, kTuningFormat);
}

std::string encode_manifest(const TuningEnvironment& environment) { return to_text(to_json(environment)) + "\n"; }

std::string encode_entry(const TuningEntry& entry) {
  return to_text({{"format", kTuningFormat},
                  {"environment", to_json(entry.environment)},
                  {"record", to_json(entry.record)}}) +
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

}  // namespace swiglu
