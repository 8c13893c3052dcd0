// The CUDA driver, found at run time: a typed table of the functions this library uses. Nothing of CUDA is linked.
//
// Each function is asked of cuGetProcAddress by the version of its typedef in cudaTypedefs.h, so that the table holds
// the same ABI whatever toolkit built it. CUDA is initialised by the first driver(), never at load. Thread-safe; the
// table is immutable and is leaked, so that it outlives every static object.
#pragma once

#include <cudaTypedefs.h>

#include <filesystem>
#include <optional>
#include <string>

namespace swiglu {

inline constexpr int kMinimumDriverVersion = 12000;  // cuLibrary*, cuGetProcAddress_v2

// X(member, name after "cu", version of the typedef)
#define SWIGLU_DRIVER_FUNCTIONS(X)                                        \
  X(init, Init, 2000)                                                     \
  X(driver_get_version, DriverGetVersion, 2020)                           \
  X(device_get_count, DeviceGetCount, 2000)                               \
  X(device_get, DeviceGet, 2000)                                          \
  X(device_get_name, DeviceGetName, 2000)                                 \
  X(device_get_attribute, DeviceGetAttribute, 2000)                       \
  X(primary_context_retain, DevicePrimaryCtxRetain, 7000)                 \
  X(context_get_current, CtxGetCurrent, 4000)                             \
  X(context_push_current, CtxPushCurrent, 4000)                           \
  X(context_pop_current, CtxPopCurrent, 4000)                             \
  X(context_get_device, CtxGetDevice, 2000)                               \
  X(library_load_data, LibraryLoadData, 12000)                            \
  X(library_unload, LibraryUnload, 12000)                                 \
  X(library_get_kernel, LibraryGetKernel, 12000)                          \
  X(kernel_get_function, KernelGetFunction, 12000)                        \
  X(function_set_attribute, FuncSetAttribute, 9000)                       \
  X(function_get_attribute, FuncGetAttribute, 2020)                       \
  X(launch_kernel, LaunchKernelEx, 11060)                                 \
  X(tensor_map_encode_tiled, TensorMapEncodeTiled, 12000)                 \
  X(stream_is_capturing, StreamIsCapturing, 10000)                        \
  X(stream_get_context, StreamGetCtx, 9020)                               \
  X(exchange_stream_capture_mode, ThreadExchangeStreamCaptureMode, 10010) \
  X(stream_create, StreamCreate, 2000)                                    \
  X(stream_destroy, StreamDestroy, 4000)                                  \
  X(stream_synchronize, StreamSynchronize, 2000)                          \
  X(stream_begin_capture, StreamBeginCapture, 10010)                      \
  X(stream_end_capture, StreamEndCapture, 10000)                          \
  X(event_create, EventCreate, 2000)                                      \
  X(event_destroy, EventDestroy, 4000)                                    \
  X(event_record, EventRecord, 2000)                                      \
  X(event_elapsed_time, EventElapsedTime, 2000)                           \
  X(memory_allocate, MemAlloc, 3020)                                      \
  X(memory_free, MemFree, 3020)                                           \
  X(memory_get_info, MemGetInfo, 3020)                                    \
  X(memory_set, MemsetD8Async, 3020)                                      \
  X(copy_to_host, MemcpyDtoHAsync, 3020)                                  \
  X(graph_instantiate, GraphInstantiateWithFlags, 11040)                  \
  X(graph_launch, GraphLaunch, 10000)                                     \
  X(graph_exec_destroy, GraphExecDestroy, 10000)                          \
  X(graph_destroy, GraphDestroy, 10000)                                   \
  X(get_error_name, GetErrorName, 6000)                                   \
  X(get_error_string, GetErrorString, 6000)

// Null where the driver is older.
#define SWIGLU_OPTIONAL_DRIVER_FUNCTIONS(X) X(function_load, FuncLoad, 12040)

struct DriverTable {
#define SWIGLU_DECLARE(member, name, since) PFN_cu##name##_v##since member = nullptr;
  SWIGLU_DRIVER_FUNCTIONS(SWIGLU_DECLARE)
  SWIGLU_OPTIONAL_DRIVER_FUNCTIONS(SWIGLU_DECLARE)
#undef SWIGLU_DECLARE
  int version = 0;  // 13000 = 13.0: the newest CUDA it serves
  std::filesystem::path path;
};

// Loads a table without initialising CUDA. Throws Error{NO_DRIVER} saying what was tried and why it will not do.
DriverTable load_driver(const std::optional<std::filesystem::path>& library);

// The process's driver, loaded and initialised on first use; a failure is tried again at the next call. A machine
// without devices is no failure. Throws Error{NO_DRIVER}; Error{CUDA_ERROR} where cuInit fails, and in a child forked
// after CUDA was initialised, where CUDA cannot work.
const DriverTable& driver();

std::string version_text(int version);  // 12080 -> "12.8"

// "CUDA_ERROR_INVALID_VALUE (1): invalid argument".
std::string describe(const DriverTable&, CUresult);

// Throws Error{CUDA_ERROR} (OUT_OF_MEMORY for that) saying what was being done.
void check(CUresult result, const char* what);

// Whether the calling thread may load on a device while some stream is being captured: relaxed for a scope.
class RelaxedCapture {
 public:
  RelaxedCapture();
  ~RelaxedCapture();
  RelaxedCapture(const RelaxedCapture&) = delete;
  RelaxedCapture& operator=(const RelaxedCapture&) = delete;

 private:
  CUstreamCaptureMode mode_ = CU_STREAM_CAPTURE_MODE_RELAXED;  // then the previous one
};

}  // namespace swiglu
