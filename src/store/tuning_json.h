// The JSON of what files of tuning records are made of: an environment, a record, the number of the format. For the two
// kinds of file, an entry (tuning_json.cpp) and a document (tuning_document.cpp). No state; thread-safe.
#pragma once

#include <string>

#include "store/json_fields.h"
#include "store/tuning_record.h"

namespace swiglu {

constexpr int kTuningFormat = 2;

using Ordered = nlohmann::ordered_json;  // written: fields in the order they were given

Ordered to_json(const TuningEnvironment& environment);
Ordered to_json(const TuningRecord& record);
std::string to_text(const Ordered& json);  // one line

// "", or why it is not the JSON of one; whether what it says is sound is why_not_storable()'s to tell.
std::string read(const Json& json, TuningEnvironment& environment);
std::string read(const Json& json, TuningRecord& record);

std::string read_format(Fields& fields);

}  // namespace swiglu
