// Owners of driver objects. Move-only; a destructor never throws, and says nothing where the driver is already gone
// (CUDA_ERROR_DEINITIALIZED at process exit) or useless (a forked child).
#pragma once

#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "cuda/driver.h"

namespace swiglu {

template <typename Object, void (*destroy)(Object) noexcept>
class Handle {
 public:
  Handle() = default;
  explicit Handle(Object object) : object_(object) {}
  ~Handle() { reset(); }
  Handle(Handle&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      object_ = std::exchange(other.object_, nullptr);
    }
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  Object get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

  void reset() noexcept {
    if (object_ != nullptr) {
      destroy(std::exchange(object_, nullptr));
    }
  }

 private:
  Object object_ = nullptr;
};

inline void unload_library(CUlibrary library) noexcept {
  try {
    const CUresult result = driver().library_unload(library);
    if (result != CUDA_SUCCESS && result != CUDA_ERROR_DEINITIALIZED) {
      log().warn("unloading a kernel failed: {}", describe(driver(), result));
    }
  } catch (const std::exception&) {  // a forked child: there is nothing to unload
    return;
  }
}

using LibraryHandle = Handle<CUlibrary, unload_library>;

}  // namespace swiglu
