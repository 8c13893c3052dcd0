// A stand-in for libcuda.so.1, for tests of everything between the public API and the driver on machines without a GPU.
//
// libstand_in_cuda.so is found through SWIGLU_CUDA_LIBRARY; a test also links it (target stand_in_cuda), so both see
// one state. Its functions hold to the driver's rules that the library must respect: a launch needs a current context
// and a stream and a function of that context, dynamic shared memory over 48 KiB must have been asked for, loading
// while a stream is captured spoils the capture unless the thread's capture mode is relaxed. Nothing is executed:
// launches are recorded. Images must be ELF and hold the kernel's name. Results are numbers of CUresult.
//
// Devices unless told otherwise (stand_in_set_devices, or STAND_IN_DEVICES in the environment as "cc:sm:shared,..."):
//   0 and 1: 9.0, 132 SMs, 232448 B;   2: 8.0, 108 SMs, 166912 B;   3: 7.0, 80 SMs, 98304 B (below the library's
//   minimum)
// The library reads a device's properties once: set devices before its first use, in an executable of its own.
// Thread-safe. Control functions are not counted as calls.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define STAND_IN_API extern "C" __attribute__((visibility("default")))
#define STAND_IN_PARAMS_BYTES 104  // sizeof(swiglu::ForwardParams), static_assert'ed in the implementation

struct StandInDevice {
  int compute_capability;  // 90 = 9.0
  int multiprocessors;
  int shared_bytes_per_block;  // opt-in maximum
};

struct StandInLaunch {
  int device;
  void* context;   // current at the launch
  void* stream;    // as passed
  void* function;  // one per kernel and context
  unsigned grid[3];
  unsigned block[3];
  unsigned shared_bytes;
  unsigned cluster;                             // blocks of a cluster along x
  bool captured;                                // into a graph, because the stream was capturing
  unsigned char params[STAND_IN_PARAMS_BYTES];  // the first bytes of the kernel's one argument
};

// Back to the state at load: devices, version, no injected failures, counts 0, no launches, no captures. Contexts,
// streams and libraries that exist stay valid.
STAND_IN_API void stand_in_reset();
STAND_IN_API void stand_in_set_devices(const StandInDevice* devices, int count);
STAND_IN_API void stand_in_set_driver_version(int version);  // 13000 = 13.0; functions newer than it are not found

// The next `count` calls of `function` ("cuLibraryLoadData") after `skip` more return `result` and do nothing else.
STAND_IN_API void stand_in_fail(const char* function, int result, int skip, int count);

// Calls of one function since the reset, failed ones included; of every function for NULL.
STAND_IN_API uint64_t stand_in_calls(const char* function);

STAND_IN_API void* stand_in_primary_context(
    int device);                                         // the same as cuDevicePrimaryCtxRetain's, not retained by this
STAND_IN_API void* stand_in_make_context(int device);    // another context; NULL for a device that does not exist
STAND_IN_API void* stand_in_make_stream(void* context);  // a CUstream; never freed
STAND_IN_API int stand_in_primary_retains(int device);   // retains less releases
STAND_IN_API void* stand_in_current_context();           // of the calling thread
STAND_IN_API void stand_in_set_current_context(
    void* context);                         // replaces the top of the thread's stack (NULL empties it)
STAND_IN_API int stand_in_context_depth();  // contexts on the calling thread's stack
STAND_IN_API int stand_in_capture_mode();   // of the calling thread: 0 global, 1 thread-local, 2 relaxed

// Begins or ends a capture in global mode. NULL stands for the legacy default stream.
STAND_IN_API void stand_in_begin_capture(void* stream);
STAND_IN_API bool stand_in_end_capture(void* stream);  // whether the capture was still valid

STAND_IN_API int stand_in_launch_count();
STAND_IN_API bool stand_in_launch(int index, StandInLaunch* launch);  // false where there is no such launch
STAND_IN_API int stand_in_libraries();                                // loaded and not unloaded

// Measuring: streams have a clock of their own, which each execution advances by its kernel's duration, 10 microseconds
// unless told otherwise; events read it. Memory is addresses alone. Only the kernel swiglu_block_errors does something:
// it finds every block of the kernel that was launched last as wrong as was told, 0 unless told otherwise. `text` is
// part of the generated source, the last match counts, "" matches every kernel.
STAND_IN_API void stand_in_set_duration(const char* text, double microseconds);
STAND_IN_API void stand_in_set_error(const char* text, double relative);
STAND_IN_API void stand_in_set_free_memory(size_t bytes);  // 80 GiB unless told otherwise
STAND_IN_API size_t stand_in_allocated_memory();
STAND_IN_API int stand_in_live_objects();  // streams, events and executable graphs that were not destroyed
