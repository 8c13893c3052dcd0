// Names and descriptions of swiglu_status values: the one table behind swiglu_status_name() and swiglu_status_string().
// Static strings, never null; no state.
#pragma once

#include <swiglu/swiglu.h>

namespace swiglu {

const char* status_name(swiglu_status status);    // "SWIGLU_OK"; "SWIGLU_UNKNOWN_STATUS" for a value of no enumerator
const char* status_string(swiglu_status status);  // one line for a reader

}  // namespace swiglu
