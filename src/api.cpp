// extern "C": arguments that are pointers are checked for NULL, exceptions are caught once, in guard(), and kept as the
// thread's last error; what is wrong in the environment is told. Nothing else happens here.
#include <swiglu/swiglu.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "base/status.h"
#include "plan/cache_admin.h"
#include "plan/compile_ahead.h"
#include "plan/exchange.h"
#include "plan/info.h"
#include "plan/plan.h"
#include "plan/versioned.h"

struct swiglu_plan {
  std::unique_ptr<swiglu::Plan> plan;
};

namespace {

using swiglu::fail;

// Callers' structs reach at least to the last field that they had when they were new.
constexpr std::size_t kFirstPlanDescSize = offsetof(swiglu_plan_desc, tuning) + sizeof(swiglu_plan_desc::tuning);
constexpr std::size_t kFirstForwardArgsSize =
    offsetof(swiglu_forward_args, workspace_size) + sizeof(swiglu_forward_args::workspace_size);
constexpr std::size_t kFirstBackwardArgsSize =
    offsetof(swiglu_backward_args, workspace_size) + sizeof(swiglu_backward_args::workspace_size);

// A fixed buffer, so that running out of memory is as well reported as anything else. Of a longer message the middle
// goes: it begins with what failed and ends with the compiler's last words.
class LastError {
 public:
  void set(std::string_view message) noexcept {
    constexpr std::string_view kCut = "\n...\n";
    if (message.size() < text_.size()) {
      end(copy(0, message));
      return;
    }
    const std::size_t half = (text_.size() - kCut.size()) / 2 - 1;
    end(copy(copy(copy(0, message.substr(0, half)), kCut), message.substr(message.size() - half)));
  }
  std::string_view get() const noexcept { return text_.data(); }

 private:
  std::size_t copy(std::size_t at, std::string_view text) noexcept {
    std::memcpy(text_.data() + at, text.data(), text.size());
    return at + text.size();
  }
  void end(std::size_t at) noexcept { text_[at] = '\0'; }

  std::array<char, 8192> text_{};
};

thread_local LastError last_error;

swiglu_status failed(swiglu_status status, std::string_view message) noexcept {
  last_error.set(message);
  return status;
}

template <typename Function>
swiglu_status guard(Function function) noexcept {
  try {
    function();
    return SWIGLU_OK;
  } catch (const swiglu::Error& error) {
    return failed(error.status(), error.what());
  } catch (const std::bad_alloc&) {
    return failed(SWIGLU_OUT_OF_MEMORY, "host memory ran out");
  } catch (const std::exception& exception) {
    return failed(SWIGLU_INTERNAL, exception.what());
  } catch (...) {
    return failed(SWIGLU_INTERNAL, "an exception of unknown type");
  }
}

// Of entries that may be the first to read the environment: nobody should have to guess why a variable had no effect.
template <typename Function>
swiglu_status guard_first(Function function) noexcept {
  return guard([&] {
    swiglu::tell_settings_warnings();
    function();
  });
}

template <typename Pointer>
Pointer* not_null(Pointer* pointer, const char* name) {
  if (pointer == nullptr) {
    fail(SWIGLU_INVALID_ARGUMENT, "{} is NULL", name);
  }
  return pointer;
}

// Copies text into the caller's buffer as the header's convention 4 says. Whether it fitted.
bool copy_text(std::string_view text, char* buffer, size_t size, size_t* needed) noexcept {
  if (needed != nullptr) {
    *needed = text.size() + 1;
  }
  if (size > 0) {
    const std::size_t count = std::min(text.size(), size - 1);
    std::memcpy(buffer, text.data(), count);
    buffer[count] = '\0';
  }
  return text.size() < size;
}

void check_buffer(const char* buffer, size_t size) {
  if (buffer == nullptr && size != 0) {
    fail(SWIGLU_INVALID_ARGUMENT, "buffer is NULL and size is {}", size);
  }
}

void give_text(const std::string& text, char* buffer, size_t size, size_t* needed) {
  if (!copy_text(text, buffer, size, needed)) {
    fail(SWIGLU_BUFFER_TOO_SMALL, "size is {}, and {} bytes are needed", size, text.size() + 1);
  }
}

swiglu_plan_desc read_desc(const swiglu_plan_desc* desc) {
  return swiglu::read_versioned(desc, kFirstPlanDescSize, "swiglu_plan_desc");
}

swiglu::Report reporter(swiglu_report_callback callback, void* user) {
  return [callback, user](const std::string& json) {
    if (callback != nullptr) {
      callback(user, json.c_str());
    }
  };
}

}  // namespace

const char* swiglu_status_name(swiglu_status status) { return swiglu::status_name(status); }

const char* swiglu_status_string(swiglu_status status) { return swiglu::status_string(status); }

swiglu_status swiglu_last_error(char* buffer, size_t size, size_t* needed) {
  if (buffer == nullptr && size != 0) {
    return SWIGLU_INVALID_ARGUMENT;
  }
  return copy_text(last_error.get(), buffer, size, needed) ? SWIGLU_OK : SWIGLU_BUFFER_TOO_SMALL;
}

swiglu_status swiglu_version(int* major, int* minor, int* patch) {
  const auto give = [](int* to, int value) {
    if (to != nullptr) {
      *to = value;
    }
  };
  give(major, SWIGLU_VERSION_MAJOR);
  give(minor, SWIGLU_VERSION_MINOR);
  give(patch, SWIGLU_VERSION_PATCH);
  return SWIGLU_OK;
}

swiglu_status swiglu_plan_create(swiglu_plan** plan, const swiglu_plan_desc* desc) {
  return guard_first([&] {
    not_null(plan, "plan");
    auto made = std::make_unique<swiglu_plan>();
    made->plan = swiglu::make_plan(read_desc(desc));
    *plan = made.release();
  });
}

void swiglu_plan_destroy(swiglu_plan* plan) { delete plan; }

swiglu_status swiglu_plan_prepare(swiglu_plan* plan, int64_t m) {
  return guard([&] { not_null(plan, "plan")->plan->prepare(m); });
}

swiglu_status swiglu_plan_workspace_size(swiglu_plan* plan, uint32_t pass, int64_t m, size_t* bytes) {
  return guard([&] {
    not_null(bytes, "bytes");
    *bytes = not_null(plan, "plan")->plan->workspace_size(pass, m);
  });
}

swiglu_status swiglu_plan_describe(swiglu_plan* plan, int64_t m, char* buffer, size_t size, size_t* needed) {
  return guard([&] {
    not_null(plan, "plan");
    check_buffer(buffer, size);
    give_text(plan->plan->describe(m), buffer, size, needed);
  });
}

swiglu_status swiglu_execute(swiglu_plan* plan, const swiglu_forward_args* args, void* stream) {
  return guard([&] {
    not_null(plan, "plan");
    plan->plan->execute(swiglu::read_versioned(args, kFirstForwardArgsSize, "swiglu_forward_args"), stream);
  });
}

swiglu_status swiglu_execute_backward(swiglu_plan* plan, const swiglu_backward_args* args, void* stream) {
  return guard([&] {
    not_null(plan, "plan");
    plan->plan->execute_backward(swiglu::read_versioned(args, kFirstBackwardArgsSize, "swiglu_backward_args"), stream);
  });
}

swiglu_status swiglu_compile(const swiglu_plan_desc* desc, const char* arch, uint32_t flags,
                             swiglu_report_callback callback, void* user) {
  return guard_first(
      [&] { swiglu::compile_ahead(read_desc(desc), not_null(arch, "arch"), flags, reporter(callback, user)); });
}

swiglu_status swiglu_tuning_export(char* buffer, size_t size, size_t* needed) {
  return guard_first([&] {
    check_buffer(buffer, size);
    give_text(swiglu::export_tuning(), buffer, size, needed);
  });
}

swiglu_status swiglu_tuning_import(const char* text, size_t size, uint32_t flags, swiglu_report_callback callback,
                                   void* user) {
  return guard_first([&] {
    not_null(text, "text");
    if ((flags & ~std::uint32_t{SWIGLU_TUNING_IMPORT_FOREIGN}) != 0) {
      fail(SWIGLU_INVALID_ARGUMENT, "flags is {:#x}, which has unknown bits: 0 or SWIGLU_TUNING_IMPORT_FOREIGN (1)",
           flags);
    }
    swiglu::import_tuning({text, size}, flags != 0, reporter(callback, user));
  });
}

swiglu_status swiglu_info(char* buffer, size_t size, size_t* needed) {
  return guard_first([&] {
    check_buffer(buffer, size);
    give_text(swiglu::info(), buffer, size, needed);
  });
}

swiglu_status swiglu_cache_directory(char* buffer, size_t size, size_t* needed) {
  return guard_first([&] {
    check_buffer(buffer, size);
    give_text(swiglu::writable_cache_directory(), buffer, size, needed);
  });
}

swiglu_status swiglu_cache_list(swiglu_report_callback callback, void* user) {
  return guard_first([&] {
    not_null(callback, "callback");
    swiglu::list_cache(reporter(callback, user));
  });
}

swiglu_status swiglu_cache_verify(swiglu_report_callback callback, void* user) {
  return guard_first([&] { swiglu::verify_cache(reporter(callback, user)); });
}

swiglu_status swiglu_cache_prune(uint64_t max_bytes, uint64_t* removed_bytes, uint64_t* remaining_bytes) {
  return guard_first([&] {
    const swiglu::PruneResult result = swiglu::prune_cache(max_bytes);
    if (removed_bytes != nullptr) {
      *removed_bytes = result.removed_bytes;
    }
    if (remaining_bytes != nullptr) {
      *remaining_bytes = result.remaining_bytes;
    }
  });
}

swiglu_status swiglu_cache_export(const char* path, const char* arch, swiglu_report_callback callback, void* user) {
  return guard_first(
      [&] { swiglu::export_cache(not_null(path, "path"), arch == nullptr ? "" : arch, reporter(callback, user)); });
}

swiglu_status swiglu_cache_import(const char* path, swiglu_report_callback callback, void* user) {
  return guard_first([&] { swiglu::import_cache(not_null(path, "path"), reporter(callback, user)); });
}

swiglu_status swiglu_set_log_callback(swiglu_log_callback callback, void* user, swiglu_log_level level) {
  return guard([&] {
    if (static_cast<int>(level) < SWIGLU_LOG_DEBUG || static_cast<int>(level) > SWIGLU_LOG_OFF) {
      fail(SWIGLU_INVALID_ARGUMENT, "level is {}; it must be SWIGLU_LOG_DEBUG (0) .. SWIGLU_LOG_OFF (4)",
           static_cast<int>(level));
    }
    swiglu::set_log_callback(callback, user, level);
  });
}
