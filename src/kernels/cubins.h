// get_cubin(unit, arch): memory, then the stores, then the compiler. No GPU, no driver.
//
// A machine without any NVRTC that will do takes what the stores hold of whichever NVRTC compiled it: the rest of the
// key, hence the source, is the same.
//
// One builder per key: concurrent callers of one key share one compile, callers of other keys never wait for it; a
// failure reaches every waiter and is not remembered. The bytes handed out after a compile are the compiled ones, never
// re-read.
#pragma once

#include <memory>
#include <string>

#include "store/kernel_store.h"
#include "swiglu/config.h"

namespace swiglu {

enum class Origin { memory, user, shared, compiled };
const char* name(Origin);

struct Cubin {
  KernelEntry entry;
  Origin origin;  // where the bytes came from when they entered memory
};

enum class Policy {
  compile,      // what no store holds
  cached_only,  // never: Error{NOT_CACHED} instead
  force         // whatever the stores hold, and put it in their place
};

// A translation unit: what a kernel is compiled from, and what is asked for at its launch.
struct Unit {
  std::string name;  // the spelling of a KernelConfig, or for a unit that is none's, what it is
  std::string source;
  int shared_bytes;
};

Unit unit_of(const KernelConfig&);  // throws Error{NOT_SUPPORTED} for an invalid configuration

// The key text (kernels/cubin_key.h) with the templates and options of this process, and this compiler.
std::string cubin_key(const Unit&, const std::string& arch, const std::string& compiler);

// The same with the NVRTC that is expected (jit/compiler.h), which is not loaded for it. Throws Error{NO_COMPILER}
// where there is none.
std::string cubin_key(const Unit&, const std::string& arch);
std::string cubin_key(const KernelConfig&, const std::string& arch);

// Throws what the compiler throws; Error{COMPILE_FAILED} also for a cubin with a defect (jit/compiler.h), which is
// never published; Error{NOT_CACHED}; Error{NOT_SUPPORTED} for an invalid configuration.
std::shared_ptr<const Cubin> get_cubin(const Unit&, const std::string& arch, Policy);
std::shared_ptr<const Cubin> get_cubin(const KernelConfig&, const std::string& arch, Policy);

// Out of memory, where a store holds it: for what is wanted no more than any other entry.
void release_cubin(const KernelConfig&, const std::string& arch);

// After the driver rejected what get_cubin() gave: out of memory and out of the user's store, so that the next get
// looks elsewhere or compiles.
void forget_cubin(const Unit&, const std::string& arch, const Cubin& rejected);

KernelStore& kernel_store();  // the process's store, made from settings()

}  // namespace swiglu
