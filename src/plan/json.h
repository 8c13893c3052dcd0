// The one way from values to the JSON text of the public API: keys in the order written, and never an exception over
// bytes that are not UTF-8 (file names may hold any).
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "plan/bucket.h"

namespace swiglu {

using Json = nlohmann::ordered_json;

inline std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

inline Json bucket_json(int bucket) {
  const BucketRange range = bucket_range(bucket);
  return {{"first", range.first}, {"last", range.last == 0 ? Json(nullptr) : Json(range.last)}};
}

}  // namespace swiglu
