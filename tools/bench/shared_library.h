// A library that is loaded if it is there (dlopen): NVRTC, cuBLASLt, NVML. Never closed, since each keeps threads and
// state of its own.
#pragma once

#include <string>
#include <vector>

namespace swiglu::tool {

class SharedLibrary {
 public:
  // The first of `names` (paths, or names for the loader) that loads; a Failure with the loader's words otherwise.
  SharedLibrary(std::string what, const std::vector<std::string>& names);

  // Its function of this name, as the type of `function`; a Failure where it has none.
  template <typename Function>
  void find(Function& function, const char* name) const {
    function = reinterpret_cast<Function>(address(name));
  }

  // The file it was loaded from, "" if the loader does not tell.
  std::string path() const;

 private:
  void* address(const char* name) const;

  std::string what_;
  void* handle_ = nullptr;
};

}  // namespace swiglu::tool
