// One row per swiglu_status, at the index of its pinned value.
#include "base/status.h"

#include <array>
#include <cstddef>

namespace swiglu {
namespace {

struct Row {
  swiglu_status status;
  const char* name;
  const char* description;
};

constexpr std::array kRows = {
    Row{SWIGLU_OK, "SWIGLU_OK", "success"},
    Row{SWIGLU_INVALID_ARGUMENT, "SWIGLU_INVALID_ARGUMENT", "an argument is wrong by itself or together with another"},
    Row{SWIGLU_NOT_SUPPORTED, "SWIGLU_NOT_SUPPORTED", "a valid request that this device or build cannot serve"},
    Row{SWIGLU_OUT_OF_MEMORY, "SWIGLU_OUT_OF_MEMORY", "host or device memory ran out"},
    Row{SWIGLU_NO_DRIVER, "SWIGLU_NO_DRIVER", "the CUDA driver was not found or is too old"},
    Row{SWIGLU_NO_COMPILER, "SWIGLU_NO_COMPILER", "NVRTC was not found, or its builtins do not match it"},
    Row{SWIGLU_NO_DEVICE, "SWIGLU_NO_DEVICE", "there is no CUDA device of this ordinal"},
    Row{SWIGLU_COMPILE_FAILED, "SWIGLU_COMPILE_FAILED", "a kernel could not be compiled"},
    Row{SWIGLU_NOT_CACHED, "SWIGLU_NOT_CACHED", "the kernel is in no store, and compiling was not allowed"},
    Row{SWIGLU_NOT_PREPARED, "SWIGLU_NOT_PREPARED", "the stream is being captured and this m was not prepared"},
    Row{SWIGLU_CUDA_ERROR, "SWIGLU_CUDA_ERROR", "the CUDA driver returned an error"},
    Row{SWIGLU_WORKSPACE_TOO_SMALL, "SWIGLU_WORKSPACE_TOO_SMALL", "the workspace is smaller than this execution needs"},
    Row{SWIGLU_BUFFER_TOO_SMALL, "SWIGLU_BUFFER_TOO_SMALL", "the text does not fit the buffer"},
    Row{SWIGLU_IO_ERROR, "SWIGLU_IO_ERROR", "a file or directory could not be read or written"},
    Row{SWIGLU_INTERNAL, "SWIGLU_INTERNAL", "a defect of the library"},
    Row{SWIGLU_WRONG_ENVIRONMENT, "SWIGLU_WRONG_ENVIRONMENT", "tuning records of another GPU, kernel version or NVRTC"},
};

constexpr bool rows_stand_at_their_values() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].status) != i) {
      return false;
    }
  }
  return true;
}
static_assert(rows_stand_at_their_values());

const Row* find_row(swiglu_status status) {
  // A caller of the C API may hand in any integer: compare as one.
  const auto index = static_cast<std::size_t>(static_cast<unsigned>(status));
  return index < kRows.size() ? &kRows[index] : nullptr;
}

}  // namespace

const char* status_name(swiglu_status status) {
  const Row* row = find_row(status);
  return row != nullptr ? row->name : "SWIGLU_UNKNOWN_STATUS";
}

const char* status_string(swiglu_status status) {
  const Row* row = find_row(status);
  return row != nullptr ? row->description : "not a status of this library";
}

}  // namespace swiglu
