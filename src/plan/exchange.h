// What goes from machine to machine: tuning records as text, and the user's whole store as one file (store/pack.h).
// Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "plan/compile_ahead.h"

namespace swiglu {

// The records of the user's directory, and those of this process that could not be written there.
std::string export_tuning();

// Adds what is missing, all or nothing. Records of another GPU than any of this machine, of another version of the
// kernels or of another NVRTC are skipped, unless `foreign` ones are wanted. Throws Error{INVALID_ARGUMENT} for what is
// no sound document; {WRONG_ENVIRONMENT} where all would be skipped; {IO_ERROR} where records cannot be written.
void import_tuning(std::string_view text, bool foreign, const Report& report);

// Kernels (of one architecture; "": all) and records of the user's directory. Throws Error{IO_ERROR}.
void export_cache(const std::string& path, const std::string& arch, const Report& report);

// Into the user's directory. Everything is checked before anything is written. Throws Error{INVALID_ARGUMENT} for what
// is no sound pack, {IO_ERROR} for one whose kernels are more than the directory may hold, or where records cannot be
// written: nothing has changed then. {IO_ERROR} also where kernels are missing at the end; the others stay.
void import_cache(const std::string& path, const Report& report);

}  // namespace swiglu
