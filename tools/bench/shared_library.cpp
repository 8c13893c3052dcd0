// dlopen with words: see shared_library.h.
#include "tools/bench/shared_library.h"

#include <dlfcn.h>
#include <link.h>

#include <utility>

#include "tools/library.h"

namespace swiglu::tool {

SharedLibrary::SharedLibrary(std::string what, const std::vector<std::string>& names) : what_(std::move(what)) {
  std::string tried;
  for (const std::string& name : names) {
    handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) {
      return;
    }
    const char* reason = dlerror();
    tried += (tried.empty() ? "" : "; ") + (reason != nullptr ? std::string(reason) : name);
  }
  throw Failure(what_ + " could not be loaded: " + tried);
}

std::string SharedLibrary::path() const {
  const link_map* map = nullptr;
  return dlinfo(handle_, RTLD_DI_LINKMAP, &map) == 0 && map != nullptr && map->l_name != nullptr ? map->l_name : "";
}

void* SharedLibrary::address(const char* name) const {
  void* found = dlsym(handle_, name);
  if (found == nullptr) {
    throw Failure(what_ + " (" + path() + ") has no " + name);
  }
  return found;
}

}  // namespace swiglu::tool
