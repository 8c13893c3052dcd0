// SWIGLU_DUMP_DIR: what went into a compile and came out of it, as files, for people and their tools (cuobjdump,
// nvdisasm).
#pragma once

#include <filesystem>

#include "jit/compiler.h"

namespace swiglu {

// Writes <digest of the source>_<arch>.cu, .log and, where there is one, .cubin. A failure to write is one warning.
void dump_compile(const std::filesystem::path& directory, const CompileRequest&, const CompileResult&);

}  // namespace swiglu
